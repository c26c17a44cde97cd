/** Providers that hang, and nodes that ask one of them at once. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { allDomains } from '../../../domains.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { machineCtx } from '../../../platform/context.ts';
import { openJson } from '../../../platform/crypto/seal.ts';
import type { Ciphertext } from '../../../platform/db/columns.ts';
import { auditLogs, personKeys } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  LIST_ROWS,
  type Person,
  pixel,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import { type Node, startNode } from '../../../testing/second-node.ts';
import { kycApplicationEvents } from '../applications/schema.ts';
import { kycDocuments } from '../schema.ts';
import {
  DIDIT_API_KEY,
  DIDIT_SECRET,
  DIDIT_WORKFLOW,
  type DiditSession,
  type Fixture,
  startDidit,
} from '../testing/didit-server.ts';
import { fetchDecisionsJob, fetchSession } from './fetch-session.ts';
import { decisionPlace } from './places.ts';
import { kycProviderImages, kycProviderSessions } from './schema.ts';

let desk: ComplianceDesk;
let node: Node;
let didit: Fixture;
let stuck: Fixture;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  node = startNode(desk, allDomains);
  [didit, stuck] = [startDidit(), startDidit()];
  stuck.faults.create = 'hang';
  stuck.faults.decision = 'hang';
  for (const deps of [desk.deps, node.deps]) {
    Object.assign(deps, { kycProviders: providerAt(didit) });
  }
  await desk.loadList(LIST_ROWS);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await Promise.all([didit.stop(), stuck.stop()]);
  await node.close();
  await desk.close();
});

function providerAt({ url }: Fixture) {
  const settings = { workflowId: DIDIT_WORKFLOW, apiKey: DIDIT_API_KEY, secrets: [DIDIT_SECRET], url };
  return new Map([['didit', settings]]);
}

type Started = { readonly person: Person; readonly path: string; readonly session: DiditSession };

async function started(): Promise<Started> {
  const person = await desk.newPerson();
  const path = await desk.draft(person);
  const { body } = await desk.call(person, 'POST', `${path}/provider-session`);
  const session = didit.sessions.get(body.url.split('/').at(-1));
  if (session === undefined) {
    throw new Error('Didit was not asked for a session');
  }
  return { person, path, session };
}

/** A session that Didit approved, with one picture. */
async function approved(): Promise<Started> {
  const all = await started();
  const name = `front_${newId().replaceAll(/[^a-z]/g, '')}`;
  didit.pictures.set(name, { type: 'image/png', bytes: pixel() });
  all.session.status = 'Approved';
  all.session.decision = {
    id_verifications: [{ status: 'Approved', document_type: 'Passport', front_image: `picture:${name}` }],
  };
  return all;
}

async function rowOf({ id }: DiditSession) {
  const rows = desk.deps.db.engine.select().from(kycProviderSessions);
  const [row] = await rows.where(eq(kycProviderSessions.sessionRef, id));
  if (row === undefined) {
    throw new Error('there is a session');
  }
  return row;
}

async function makeDue({ id }: DiditSession): Promise<void> {
  await desk.deps.db.engine
    .update(kycProviderSessions)
    .set({ nextFetchAt: desk.deps.clock.realNow() })
    .where(eq(kycProviderSessions.sessionRef, id));
}

function applicationIn(path: string): Id {
  return (path.split('/').at(-1) ?? '') as Id;
}

/** What the second node does, under its own caches and connections. */
function onNode() {
  return machineCtx(node.deps, { kind: 'system', name: 'test' }, newId());
}

test('two nodes that ask about one session at once keep one decision, without its addresses, and one copy of each picture', async () => {
  const { path, session } = await approved();
  const { id } = await rowOf(session);
  await Promise.all([fetchSession(desk.system, id), fetchSession(onNode(), id)]);
  const kept = await rowOf(session);
  expect(kept).toMatchObject({ status: 'approved', version: 2, failures: 0 });
  const { engine } = desk.deps.db;
  const key = await transact(desk.system, 'engine', (tx) => desk.deps.personKeys.of(tx, kept.userId));
  const decision = JSON.stringify(openJson(key, decisionPlace(id), kept.decision as Ciphertext));
  expect([decision.includes('Passport'), decision.includes('http')]).toEqual([true, false]);
  const applicationId = applicationIn(path);
  const images = await engine.select().from(kycProviderImages).where(eq(kycProviderImages.sessionId, id));
  expect(images).toMatchObject([{ status: 'copied', attempts: 1 }]);
  const documents = await engine
    .select()
    .from(kycDocuments)
    .where(eq(kycDocuments.applicationId, applicationId));
  expect(documents).toHaveLength(2);
  const steps = await engine
    .select({ type: kycApplicationEvents.type })
    .from(kycApplicationEvents)
    .where(eq(kycApplicationEvents.applicationId, applicationId));
  expect(steps.filter(({ type }) => type === 'provider')).toHaveLength(1);
  const told = await engine.select().from(auditLogs).where(eq(auditLogs.resourceId, id));
  expect(told.map(({ eventType }) => eventType).sort()).toEqual([
    'kyc_provider_session.changed',
    'kyc_provider_session.opened',
  ]);
});

test('two nodes that open a session of one application at once hand out the same one', async () => {
  const person = await desk.newPerson();
  const path = await desk.draft(person);
  const [one, two] = await Promise.all([
    desk.call(person, 'POST', `${path}/provider-session`),
    node.request('POST', `${path}/provider-session`, { token: person.token }),
  ]);
  expect([one.status, two.status, two.body.id]).toEqual([201, 201, one.body.id]);
  const rows = await desk.deps.db.engine
    .select()
    .from(kycProviderSessions)
    .where(eq(kycProviderSessions.applicationId, applicationIn(path)));
  expect(rows).toHaveLength(1);
});

test('a provider that hangs keeps nobody waiting for locks, and is given up on', async () => {
  const { person, path, session } = await started();
  const other = await desk.newPerson();
  const draft = await desk.draft(other);
  await makeDue(session);
  Object.assign(node.deps, { kycProviders: providerAt(stuck) });
  const asking = fetchDecisionsJob.run(onNode());
  const opening = node.request('POST', `${draft}/provider-session`, { token: other.token });
  while (stuck.calls.length < 2) {
    await Bun.sleep(20);
  }
  const [row] = await desk.deps.db.engine.execute<{ held: number }>(sql`
    select count(*)::int as held from pg_stat_activity
    where datname = current_database() and state = 'idle in transaction'`);
  expect(row?.held).toBe(0);
  expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);

  expect(await opening).toMatchObject({ status: 503, body: { code: 'provider_unavailable' } });
  await asking;
  expect(await rowOf(session)).toMatchObject({ status: 'not_started', failures: 1 });
  expect((await desk.call(other, 'POST', `${draft}/submit`)).status).toBe(200);
  Object.assign(node.deps, { kycProviders: providerAt(didit) });
}, 60_000);

test('one session that cannot be settled keeps none of the others from being asked about', async () => {
  const [broken, fine] = [await approved(), await approved()];
  const before = await rowOf(broken.session);
  const { engine } = desk.deps.db;
  // What the provider said cannot be sealed for them: their key is gone while a picture still waits.
  await engine.execute(sql`update person_keys set wrapped_key = '\\x00' where user_id = ${before.userId}`);
  desk.deps.personKeys.forgetAll();
  await makeDue(broken.session);
  await makeDue(fine.session);
  const failure = await fetchDecisionsJob.run(desk.system).catch((error: Error) => error.name);
  expect(failure).toBe('SealError');
  expect(await rowOf(fine.session)).toMatchObject({ status: 'approved' });
  expect(await rowOf(broken.session)).toMatchObject({ status: 'not_started' });
});

test('a picture of somebody who was erased meanwhile is not kept, and not tried for ever', async () => {
  const { session } = await approved();
  didit.faults.image = { status: 404 };
  const { id, userId } = await rowOf(session);
  await fetchSession(desk.system, id);
  didit.faults.image = undefined as never;
  const { engine } = desk.deps.db;
  const kept = await engine.delete(personKeys).where(eq(personKeys.userId, userId)).returning();
  desk.deps.personKeys.forget(userId);
  await makeDue(session);
  await fetchSession(desk.system, id);
  // Only their key is gone, which the books of this test would call a break.
  await engine.insert(personKeys).values(kept);
  const images = engine.select().from(kycProviderImages);
  expect(await images.where(eq(kycProviderImages.sessionId, id))).toMatchObject([
    { status: 'failed', failure: 'person_erased', documentId: null },
  ]);
  expect((await rowOf(session)).nextFetchAt).toBeNull();
});
