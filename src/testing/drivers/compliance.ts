import { newId } from '../../kernel/id.ts';
import type { Answer } from '../send.ts';
import { type Member, PIXEL, type World } from '../world.ts';
import { type Drivers, done, first, REASON } from './driver.ts';

/** The name on the fictional list. */
const LISTED = ['Balthazar Quill', 'Ferrington'] as const;

export const kycDrivers: Drivers = {
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
  rejectKycApplication: (world) => decide(world, 'rejectKycApplication'),
  requestKycResubmission: (world) => decide(world, 'requestKycResubmission'),
};

export const amlDrivers: Drivers = {
  createScreening: (world) =>
    world.call('createScreening', {
      as: world.people.compliance_officer,
      body: { subject: { name: LISTED.join(' ') } },
    }),
  listScreenings: async (world) => {
    await alertOf(world);
    return world.call('listScreenings', { as: world.people.auditor });
  },
  getScreening: async (world) => {
    const { screeningId } = await alertOf(world);
    return world.call('getScreening', { as: world.people.auditor, params: { id: screeningId } });
  },
  listScreeningLists: (world) => world.call('listScreeningLists', { as: world.people.mlro }),
  createScreeningList: (world) => newList(world),
  importScreeningList: async (world) => {
    const { id } = await done(newList(world));
    const body = new FormData();
    const row = `x-1,person,Somebody ${newId()} Invented,,1961-02-28,,male,TEST,`;
    const head = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';
    body.set('file', new File([`${head}\n${row}\n`], 'list.csv', { type: 'text/csv' }));
    return world.call('importScreeningList', { as: world.people.compliance_officer, params: { id }, body });
  },
  listAmlAlerts: async (world) => {
    await alertOf(world);
    return world.call('listAmlAlerts', { as: world.people.mlro });
  },
  getAmlAlert: async (world) => {
    const { id } = await alertOf(world);
    return world.call('getAmlAlert', { as: world.people.mlro, params: { id } });
  },
  assignAmlAlert: async (world) => {
    const { id } = await alertOf(world);
    const body = { assigneeId: world.people.compliance_officer.userId };
    return world.call('assignAmlAlert', { as: world.people.mlro, params: { id }, body });
  },
  resolveAmlAlert: async (world) => {
    const { id } = await alertOf(world);
    const body = { disposition: 'true_match', ...REASON };
    return world.call('resolveAmlAlert', { as: world.people.mlro, params: { id }, body });
  },
};

export const auditDrivers: Drivers = {
  listAuditLogs: (world) =>
    world.call('listAuditLogs', {
      as: world.people.auditor,
      query: { userId: world.people.customer.userId },
    }),
  getAuditProof: async (world) => {
    const { data } = await done(world.call('listAuditLogs', { as: world.people.auditor }));
    await seal(world);
    const params = { id: first<{ id: string }>(data).id };
    return world.call('getAuditProof', { as: world.people.auditor, params });
  },
  getAuditCheckpoint: async (world) => {
    await seal(world);
    return world.call('getAuditCheckpoint', { as: world.people.auditor });
  },
  listAuditCheckpoints: async (world) => {
    await seal(world);
    return world.call('listAuditCheckpoints', { as: world.people.auditor });
  },
  getAuditConsistency: async (world) => {
    const size = await seal(world);
    return world.call('getAuditConsistency', {
      as: world.people.auditor,
      query: { from: '1', to: String(size) },
    });
  },
  getAuditTile: async (world) => {
    const size = await seal(world);
    const index = size >= 256 ? '000' : `000.p/${size}`;
    const as = world.people.auditor;
    return world.request('GET', `/v1/audit/log/tile/0/${index}`, { token: as.token });
  },
  verifyAuditLog: async (world) => {
    await seal(world);
    return world.call('verifyAuditLog', { as: world.people.auditor });
  },
};

async function seal(world: World): Promise<number> {
  const { sealer } = await world.startWorkers();
  return sealer.sealNow();
}

type Applied = { readonly as: Member; readonly answer: Answer; readonly params: { readonly id: string } };

async function apply(world: World): Promise<Applied> {
  const as = await world.newMember();
  const body = world.operation('createKycApplication').example;
  const answer = await world.call('createKycApplication', { as, body });
  return { as, answer, params: { id: (await done(Promise.resolve(answer))).id } };
}

async function withDocument(world: World): Promise<Applied> {
  const { as, params } = await apply(world);
  const body = new FormData();
  body.set('type', 'passport');
  body.set('file', new File([PIXEL], 'passport.png', { type: 'image/png' }));
  const answer = await world.call('uploadKycDocument', { as, params, body });
  return { as, params, answer };
}

async function submitted(world: World): Promise<Applied> {
  const { as, params, answer: uploaded } = await withDocument(world);
  await done(Promise.resolve(uploaded));
  const answer = await world.call('submitKycApplication', { as, params });
  await done(Promise.resolve(answer));
  return { as, params, answer };
}

async function decide(world: World, operationId: string): Promise<Answer> {
  const { params } = await submitted(world);
  return world.call(operationId, { as: world.people.compliance_officer, params, body: REASON });
}

function newList(world: World): Promise<Answer> {
  const body = { kind: 'own', name: `List ${newId()}` };
  return world.call('createScreeningList', { as: world.people.compliance_officer, body });
}

/** An open alert on somebody of their own. */
export async function alertOf(world: World): Promise<{ readonly id: string; readonly screeningId: string }> {
  const { userId } = await world.newMember({ name: LISTED });
  const as = world.people.compliance_officer;
  const { id: screeningId } = await done(world.call('createScreening', { as, body: { userId } }));
  const { data } = await done(world.call('listAmlAlerts', { as }));
  const mine = data.filter((alert: { userId: string }) => alert.userId === userId);
  return { id: first<{ id: string }>(mine).id, screeningId };
}
