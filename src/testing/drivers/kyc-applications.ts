import { NEW_APPLICATION_EXAMPLE } from '../../domains/kyc/api.ts';
import { newId } from '../../kernel/id.ts';
import { pictureWith } from '../picture.ts';
import type { Answer } from '../send.ts';
import { anotherBirthDate, type Member, SELF_CERTIFIED, type World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';
import { asks, type StaffWrites } from './staff-write.ts';

export const kycApplicationDrivers: Drivers = {
  listKycLevels: (world) => world.call('listKycLevels', { as: world.people.customer }),
  listKycApplications: async (world) => world.call('listKycApplications', { as: (await apply(world)).as }),
  createKycApplication: async (world) => (await apply(world)).answer,
  getKycApplication: async (world) => {
    const { as, params } = await withDocument(world);
    return world.call('getKycApplication', { as, params });
  },
  uploadKycDocument: async (world) => (await withDocument(world)).answer,
  readKycDocument: async (world) => {
    const { params, answer } = await withDocument(world);
    const both = { ...params, docId: answer.body.id as string };
    return world.call('readKycDocument', { as: world.people.compliance_officer, params: both });
  },
  submitKycApplication: async (world) => (await submitted(world)).answer,
  approveKycApplication: async (world) => {
    const { params, as } = await submitted(world);
    const officer = world.people.compliance_officer;
    await world.settle();
    await done(world.call('createScreening', { as: officer, body: { userId: as.userId } }));
    return world.call('approveKycApplication', { as: officer, params, body: REASON });
  },
  listKycReviewQueue: async (world) => {
    await submitted(world);
    return world.call('listKycReviewQueue', { as: world.people.compliance_officer });
  },
  assignKycApplication: async (world) => {
    const { params } = await submitted(world);
    const officer = world.people.compliance_officer;
    return world.call('assignKycApplication', { as: officer, params, body: { assigneeId: officer.userId } });
  },
  getKycComparison: async (world) => {
    const { params } = await submitted(world);
    return world.call('getKycComparison', { as: world.people.compliance_officer, params });
  },
  decideKycItem: async (world) => {
    const { params, as } = await submitted(world);
    const file = await done(world.call('getKycApplication', { as, params }));
    const [item] = file.items as readonly { readonly id: string }[];
    return world.call('decideKycItem', {
      as: world.people.compliance_officer,
      params: { ...params, itemId: item?.id ?? '' },
      body: { decision: 'accept', note: 'The picture is clear' },
    });
  },
  updateKycApplication: async (world) => {
    const { as, params } = await apply(world);
    const headers = { 'if-match': '"1"' };
    return world.call('updateKycApplication', { as, params, body: { level: 'standard' }, headers });
  },
  withdrawKycApplication: async (world) => {
    const { as, params } = await apply(world);
    return world.call('withdrawKycApplication', { as, params });
  },
  makeKycDeclaration: async (world) => (await withDeclaration(world)).answer,
  listKycDeclarations: async (world) => {
    const { as, params } = await withDeclaration(world);
    return world.call('listKycDeclarations', { as, params });
  },
  addKycParty: async (world) => (await withParty(world)).answer,
  listKycParties: async (world) => {
    const { as, params } = await withParty(world);
    return world.call('listKycParties', { as, params });
  },
  removeKycParty: async (world) => {
    const { as, params, answer } = await withParty(world);
    const partyId = (await done(Promise.resolve(answer))).id;
    return world.call('removeKycParty', { as, params: { ...params, partyId } });
  },
  listKycApplicationEvents: async (world) => {
    const { as, params } = await apply(world);
    return world.call('listKycApplicationEvents', { as, params });
  },
  listKycRequirements: (world) => world.call('listKycRequirements', { as: world.people.compliance_officer }),
  getKycRequirementSet: async (world) => {
    const as = world.people.compliance_officer;
    const body = world.operation('proposeKycRequirements').example;
    const { approval } = await done(world.call('proposeKycRequirements', { as, body }));
    return world.call('getKycRequirementSet', { as, params: { id: approval.subjectId } });
  },
  proposeKycRequirements: (world) =>
    world.call('proposeKycRequirements', {
      as: world.people.compliance_officer,
      body: world.operation('proposeKycRequirements').example,
    }),
  removeKycDocument: async (world) => {
    const { as, params, answer } = await withDocument(world);
    return world.call('removeKycDocument', { as, params: { ...params, docId: answer.body.id as string } });
  },
  rejectKycApplication: (world) => decide(world, 'rejectKycApplication'),
  requestKycResubmission: (world) => decide(world, 'requestKycResubmission'),
};

export const kycApplicationWrites: StaffWrites = {
  approveKycApplication: {
    kind: 'case',
    leaves: ['gate.changed', 'kyc_application.decided', 'user.activated'],
    onOneself: 'self_review',
  },
  assignKycApplication: { kind: 'evidence', leaves: ['kyc_application.assigned'], onOneself: 'self_review' },
  decideKycItem: { kind: 'evidence', leaves: ['kyc_item.decided'], onOneself: 'self_review' },
  proposeKycRequirements: asks(null, 'kyc_requirements.proposed'),
  rejectKycApplication: {
    kind: 'stops',
    leaves: ['gate.changed', 'kyc_application.decided'],
    onOneself: 'self_review',
  },
  requestKycResubmission: {
    kind: 'stops',
    leaves: ['gate.changed', 'kyc_application.decided'],
    onOneself: 'self_review',
  },
};

type Applied = { readonly as: Member; readonly answer: Answer; readonly params: { readonly id: string } };

async function apply(world: World, more: object = {}): Promise<Applied> {
  const as = await world.newMember();
  const { level, declaration } = NEW_APPLICATION_EXAMPLE;
  const body = { level, declaration: { ...declaration, birthDate: anotherBirthDate() }, ...more };
  const answer = await world.call('createKycApplication', { as, body });
  return { as, answer, params: { id: (await done(Promise.resolve(answer))).id } };
}

async function withDocument(world: World): Promise<Applied> {
  const { as, params } = await apply(world);
  const body = new FormData();
  body.set('type', 'passport');
  body.set('number', newId());
  body.set('expiresOn', '2049-12-31');
  body.set('file', new File([pictureWith(newId())], 'passport.png', { type: 'image/png' }));
  const answer = await world.call('uploadKycDocument', { as, params, body });
  return { as, params, answer };
}

async function withDeclaration(world: World): Promise<Applied> {
  const { as, params } = await apply(world);
  const body = world.operation('makeKycDeclaration').example;
  return { as, params, answer: await world.call('makeKycDeclaration', { as, params, body }) };
}

export const COMPANY = {
  legalName: 'Filao Trading Ltd',
  registrationNumber: 'C123456',
  incorporatedOn: '2015-06-01',
  country: 'MUS',
  legalForm: 'Private company limited by shares',
  registeredAddress: { street: '4 Edith Cavell Street', city: 'Port Louis', country: 'MUS' },
  natureOfBusiness: 'Trade in textiles',
  taxResidences: ['MUS'],
};

async function withParty(world: World): Promise<Applied> {
  const { as, params } = await apply(world, { company: COMPANY });
  const body = world.operation('addKycParty').example;
  return { as, params, answer: await world.call('addKycParty', { as, params, body }) };
}

async function submitted(world: World): Promise<Applied> {
  const { as, params, answer: uploaded } = await withDocument(world);
  await done(Promise.resolve(uploaded));
  for (const body of SELF_CERTIFIED) {
    await done(world.call('makeKycDeclaration', { as, params, body }));
  }
  const answer = await world.call('submitKycApplication', { as, params });
  await done(Promise.resolve(answer));
  return { as, params, answer };
}

async function decide(world: World, operationId: string): Promise<Answer> {
  const { params } = await submitted(world);
  return world.call(operationId, { as: world.people.compliance_officer, params, body: REASON });
}
