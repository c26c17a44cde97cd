import { fetchSession } from '../../domains/kyc/providers/fetch-session.ts';
import { openReview } from '../../domains/kyc/reviews/open-review.ts';
import { RELEASED_MATRIX } from '../../domains/kyc/risk/matrix.ts';
import { runSimulations } from '../../domains/kyc/risk/simulate.ts';
import {
  DIDIT_API_KEY,
  DIDIT_SECRET,
  DIDIT_WORKFLOW,
  diditEvent,
  type Fixture,
  signDidit,
  startDidit,
} from '../../domains/kyc/testing/didit-server.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { transact } from '../../platform/db/transact.ts';
import type { Answer } from '../send.ts';
import { type Member, PIXEL, SELF_CERTIFIED, type World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';
import { asks, asksFew, type StaffWrites } from './staff-write.ts';

export const kycRiskDrivers: Drivers = {
  listKycRiskMatrices: (world) => world.call('listKycRiskMatrices', { as: world.people.auditor }),
  createKycRiskMatrix: (world) => drafted(world),
  getKycRiskMatrix: async (world) => {
    const { id } = await done(drafted(world));
    return world.call('getKycRiskMatrix', { as: world.people.auditor, params: { id } });
  },
  simulateKycRiskMatrix: async (world) => tried(world, await done(drafted(world))),
  getKycRiskSimulation: async (world) => {
    const { id } = await done(tried(world, await done(drafted(world))));
    return world.call('getKycRiskSimulation', { as: world.people.auditor, params: { id } });
  },
  activateKycRiskMatrix: async (world) => {
    const { id } = await done(drafted(world));
    await done(tried(world, { id }));
    await runSimulations(world.system);
    const as = world.people.compliance_officer;
    return world.call('activateKycRiskMatrix', { as, params: { id }, body: REASON });
  },
  listKycRiskRatings: async (world) => {
    const { as } = await submitted(world);
    const query = { userId: as.userId };
    return world.call('listKycRiskRatings', { as: world.people.auditor, query });
  },
  raiseKycRiskRating: async (world) => raised(world, (await submitted(world)).as),
  lowerKycRiskRating: async (world) => {
    const { as } = await submitted(world);
    await done(raised(world, as));
    const body = { userId: as.userId, ...REASON };
    return world.call('lowerKycRiskRating', { as: world.people.compliance_officer, body });
  },
  createKycProviderSession: async (world) => {
    const { as, params } = await applied(world);
    diditOf(world);
    return world.call('createKycProviderSession', { as, params });
  },
  listKycProviderSessions: async (world) => {
    const { params, id } = await sessionOf(world);
    await fetchSession(world.system, id);
    return world.call('listKycProviderSessions', { as: world.people.auditor, params });
  },
  receiveKycProviderEvent: async (world) => {
    const { didit, ref } = await sessionOf(world);
    const session = didit.sessions.get(ref);
    const event = JSON.stringify(session === undefined ? {} : diditEvent(session));
    const nowS = Math.floor(world.system.deps.clock.realMs() / 1_000);
    return world.call('receiveKycProviderEvent', {
      params: { provider: 'didit' },
      headers: { ...signDidit(event, nowS), 'content-type': 'application/json' },
      body: new Uint8Array(Buffer.from(event)),
    });
  },
  listKycReviewsDue: async (world) => {
    await reviewOf(world);
    return world.call('listKycReviewsDue', { as: world.people.auditor });
  },
  assignKycReview: async (world) => {
    const body = { assigneeId: world.second.compliance_officer.userId };
    return world.call('assignKycReview', {
      as: world.people.compliance_officer,
      params: await reviewOf(world),
      body,
    });
  },
  completeKycReview: async (world) => {
    const params = await reviewOf(world);
    return world.call('completeKycReview', { as: world.people.compliance_officer, params });
  },
  waiveKycReview: async (world) => {
    const params = await reviewOf(world);
    return world.call('waiveKycReview', { as: world.people.compliance_officer, params, body: REASON });
  },
};

export const kycRiskWrites: StaffWrites = {
  createKycRiskMatrix: { kind: 'evidence', leaves: ['kyc_risk_matrix.drafted'], onOneself: null },
  simulateKycRiskMatrix: { kind: 'evidence', leaves: ['kyc_risk_simulation.started'], onOneself: null },
  activateKycRiskMatrix: asks(null),
  raiseKycRiskRating: { kind: 'stops', leaves: ['kyc_risk.rated'], onOneself: 'self_action' },
  lowerKycRiskRating: asksFew('self_action'),
  assignKycReview: { kind: 'case', leaves: ['kyc_review.assigned'], onOneself: 'self_action' },
  completeKycReview: { kind: 'case', leaves: ['kyc_review.closed'], onOneself: 'self_action' },
  waiveKycReview: asksFew('self_action'),
};

let weights = RELEASED_MATRIX.factors.channel.weight;

/** Each is another than the one in force, whichever that is. */
function drafted(world: World): Promise<Answer> {
  weights += 1;
  const content = structuredClone(RELEASED_MATRIX);
  content.factors.channel.weight = weights;
  const as = world.people.compliance_officer;
  return world.call('createKycRiskMatrix', { as, body: { content, ...REASON } });
}

function tried(world: World, { id }: { readonly id: string }): Promise<Answer> {
  return world.call('simulateKycRiskMatrix', { as: world.people.compliance_officer, params: { id } });
}

function raised(world: World, { userId }: Member): Promise<Answer> {
  const body = { userId, score: 90, ...REASON };
  return world.call('raiseKycRiskRating', { as: world.people.compliance_officer, body });
}

type Applied = { readonly as: Member; readonly params: { readonly id: string }; readonly documentId: Id };

/** A draft with two passports, the second the newer one. */
async function applied(world: World): Promise<Applied> {
  const as = await world.newMember();
  const body = world.operation('createKycApplication').example;
  const { id } = await done(world.call('createKycApplication', { as, body }));
  const documents: Id[] = [];
  for (const expiresOn of ['2039-12-31', '2049-12-31']) {
    const form = new FormData();
    form.set('type', 'passport');
    form.set('number', newId());
    form.set('expiresOn', expiresOn);
    form.set('file', new File([PIXEL], 'passport.png', { type: 'image/png' }));
    documents.push((await done(world.call('uploadKycDocument', { as, params: { id }, body: form }))).id);
  }
  return { as, params: { id }, documentId: documents[0] as Id };
}

async function submitted(world: World): Promise<Applied> {
  const all = await applied(world);
  for (const body of SELF_CERTIFIED) {
    await done(world.call('makeKycDeclaration', { as: all.as, params: all.params, body }));
  }
  await done(world.call('submitKycApplication', { as: all.as, params: all.params }));
  await world.settle();
  return all;
}

/** A review of an approved customer’s older passport, which the newer one answers. */
async function reviewOf(world: World): Promise<{ readonly id: string }> {
  const { as, params, documentId } = await submitted(world);
  const officer = world.people.compliance_officer;
  await done(world.call('createScreening', { as: officer, body: { userId: as.userId } }));
  await done(world.call('approveKycApplication', { as: officer, params, body: REASON }));
  await world.settle();
  const { userId } = as;
  const dueAt = world.system.deps.clock.now();
  const { id } = await transact(world.system, 'engine', (tx) =>
    openReview(tx, world.system, { userId, kind: 'document_expiry', referenceId: documentId, dueAt }),
  );
  return { id };
}

const servers = new WeakMap<World, Fixture>();

/** Didit as a server of its own, set up as this installation's provider. */
function diditOf(world: World): Fixture {
  const didit = servers.get(world) ?? startDidit();
  servers.set(world, didit);
  const settings = {
    workflowId: DIDIT_WORKFLOW,
    apiKey: DIDIT_API_KEY,
    secrets: [DIDIT_SECRET],
    url: didit.url,
  };
  Object.assign(world.system.deps, { kycProviders: new Map([['didit', settings]]) });
  return didit;
}

async function sessionOf(world: World) {
  const didit = diditOf(world);
  const { as, params } = await applied(world);
  const { id, url } = await done(world.call('createKycProviderSession', { as, params }));
  return { didit, params, id: id as Id, ref: String(url).split('/').at(-1) ?? '' };
}
