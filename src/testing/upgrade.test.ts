/**
 * A firm that was in use before this release: applications, documents, lists, screenings and alerts as the release
 * before wrote them are migrated, and everything that works on them goes on working.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import type postgres from 'postgres';
import { importList } from '../domains/aml/index.ts';
import { listVersionChanges } from '../domains/aml/lists/schema.ts';
import { rescreen } from '../domains/aml/rescreening/rescreen.ts';
import { rescreeningResults, screeningStandings } from '../domains/aml/rescreening/schema.ts';
import { amlAlerts, listVersions, screeningLists } from '../domains/aml/schema.ts';
import { customerGates } from '../domains/identity/schema.ts';
import { rerate } from '../domains/kyc/risk/rerate.ts';
import { allDomains } from '../domains.ts';
import { newId } from '../kernel/id.ts';
import { type Ctx, machineCtx } from '../platform/context.ts';
import { openClient } from '../platform/db/client.ts';
import { applyMigrations, MIGRATIONS_FOLDER } from '../platform/db/migrate.ts';
import { type Relay, startRelay } from '../platform/outbox/relay.ts';
import {
  type ComplianceDesk,
  LIST_ROWS,
  LISTED,
  type Person,
  startComplianceDesk,
} from './compliance-desk.ts';
import type { Foundation } from './foundation.ts';
import { createEmptyDatabase, type TestDatabase } from './postgres.ts';
import { type Node, startNode } from './second-node.ts';
import { SELF_CERTIFIED } from './world.ts';

/** The last migration before applications had items and lists had a history. */
const BEFORE = 10;

/** What such a firm held, in the order in which rows refer to each other. */
const TABLES = [
  'users',
  'role_grants',
  'person_keys',
  'token_keys',
  'sessions',
  'customer_gates',
  'files',
  'kyc_applications',
  'kyc_documents',
  'screening_lists',
  'list_versions',
  'list_entities',
  'list_version_entities',
  'screenings',
  'screening_matches',
  'aml_alerts',
] as const;

const REASON = { reason: 'Looked at it' };

let before: ComplianceDesk;
let database: TestDatabase;
let node: Node;
let relay: Relay;
let system: Ctx;

type Applicant = { readonly person: Person; readonly path: string };

let drafting: Applicant;
let waiting: Applicant;
let listed: Applicant;

beforeAll(async () => {
  before = await startComplianceDesk(import.meta.file);
  await before.loadList(LIST_ROWS);
  await before.settle();
  const [first, second] = [await before.newPerson(), await before.newPerson()];
  const third = await before.newPerson(LISTED);
  drafting = { person: first, path: await before.draft(first) };
  waiting = { person: second, path: await before.apply(second) };
  listed = { person: third, path: await before.apply(third) };
  database = await createEmptyDatabase(import.meta.file);
  const owner = openClient(database.owner, 1);
  await migrateUpTo(owner, BEFORE);
  await copyWhatThereWas(owner);
  await giveImpossibleDay(owner);
  await owner.end();
  await applyMigrations(database.owner);
  node = startNode({ database, deps: { dataDir: before.deps.dataDir } } as Foundation, allDomains);
  system = machineCtx(node.deps, { kind: 'system', name: 'test' }, newId());
  relay = startRelay(
    node.deps,
    allDomains.flatMap((domain) => domain.consumers),
  );
}, 60_000);

afterAll(async () => {
  await relay.stop();
  await node.close();
  await database.drop();
  await before.close();
});

/** The same migrations, fewer of them. */
async function migrateUpTo(owner: postgres.Sql, last: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-upgrade-'));
  try {
    cpSync(MIGRATIONS_FOLDER, folder, { recursive: true });
    const path = join(folder, 'meta', '_journal.json');
    const journal = JSON.parse(readFileSync(path, 'utf8')) as { entries: { idx: number }[] };
    const entries = journal.entries.filter((entry) => entry.idx <= last);
    writeFileSync(path, JSON.stringify({ ...journal, entries }));
    await migrate(drizzle(owner), { migrationsFolder: folder });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Rows with the columns of then: what later ones hold is lost, as if it had never been written. */
async function copyWhatThereWas(owner: postgres.Sql): Promise<void> {
  for (const table of TABLES) {
    const [kept] = await before.deps.db.engine.execute<{ rows: string }>(
      `select coalesce(json_agg(t), '[]')::text as rows from ${table} t`,
    );
    await owner.unsafe(`ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY`);
    await owner.unsafe(
      `insert into ${table} select * from json_populate_recordset(null::${table}, $1::text::json)
      on conflict do nothing`,
      [kept?.rows ?? '[]'],
    );
    await owner.unsafe(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
  }
}

/** A passport that is good for longer than any is, and says no day of issue. */
async function giveImpossibleDay(owner: postgres.Sql): Promise<void> {
  await owner.unsafe('ALTER TABLE kyc_documents NO FORCE ROW LEVEL SECURITY');
  await owner`update kyc_documents set issued_on = null, expires_on = '2300-01-01'
    where application_id = ${drafting.path.split('/').at(-1) ?? ''}`;
  await owner.unsafe('ALTER TABLE kyc_documents FORCE ROW LEVEL SECURITY');
}

function call(person: Person, method: string, path: string, body?: unknown) {
  return node.request(method, path, { token: person.token, ...(body === undefined ? {} : { body }) });
}

async function gateOf({ person }: Applicant) {
  const gates = node.deps.db.engine.select().from(customerGates);
  return (await gates.where(eq(customerGates.userId, person.userId)))[0];
}

test('a draft keeps its document, is handed in under the requirements of now, and is screened', async () => {
  const { person, path } = drafting;
  const file = (await call(person, 'GET', path)).body;
  expect(file).toMatchObject({ status: 'draft', documents: [{ type: 'passport' }] });
  const early = await call(person, 'POST', `${path}/submit`);
  expect(early.body.detail).toBe('Upload the declaration fatca_crs; the declaration tax_residence.');
  for (const body of SELF_CERTIFIED) {
    expect((await call(person, 'POST', `${path}/declarations`, body)).status).toBe(201);
  }
  expect((await call(person, 'POST', `${path}/submit`)).status).toBe(200);
  await relay.drained();
  expect(await gateOf(drafting)).toMatchObject({ kycStatus: 'pending', screening: 'clear' });
  const [document] = file.documents;
  const content = await call(before.officer, 'GET', `${path}/documents/${document.id}`);
  expect(content.status).toBe(200);
  // A day no document has is moved to the nearest; none is made up.
  const days = await node.deps.db.engine.execute<{ issued_on: string | null; expires_on: string | null }>(
    `select issued_on, expires_on from kyc_documents where id = '${document.id}'`,
  );
  expect([...days]).toEqual([{ issued_on: null, expires_on: '2199-12-31' }]);
});

test('an application that waited is in the queue, with its due time, and is approved by its items', async () => {
  const { path } = waiting;
  const { body: queue } = await call(before.officer, 'GET', '/v1/kyc/review-queue');
  const row = queue.data.find(({ id }: { id: string }) => path.endsWith(id));
  expect(row).toMatchObject({ status: 'submitted', dueAt: expect.any(String) });
  await rerate(system);
  const approved = await call(before.officer, 'POST', `${path}/approve`, REASON);
  expect([approved.status, approved.body.status, approved.body]).toEqual([200, 'approved', approved.body]);
  expect(await gateOf(waiting)).toMatchObject({ kycStatus: 'approved', kycLevel: 'basic' });
});

test('a hit that is found again is one with the alert from before, and an officer confirms it', async () => {
  const alertsOf = () =>
    node.deps.db.engine.select().from(amlAlerts).where(eq(amlAlerts.userId, listed.person.userId));
  const [alert] = await alertsOf();
  expect(alert).toMatchObject({ kind: 'sanctions', effect: 'stop', status: 'open' });
  await rescreen(system);
  expect(await alertsOf()).toHaveLength(1);
  expect(await gateOf(listed)).toMatchObject({ screening: 'open' });
  const path = `/v1/aml/alerts/${alert?.id}`;
  expect((await call(before.officer, 'GET', path)).status).toBe(200);
  const said = await call(before.officer, 'POST', `${path}/resolve`, {
    ...REASON,
    disposition: 'true_match',
  });
  expect(said).toMatchObject({ status: 200, body: { proposedDisposition: 'true_match' } });
  expect(await gateOf(listed)).toMatchObject({ screening: 'confirmed', restriction: 'frozen' });
});

test('a list from before takes a further version, which is held against everybody', async () => {
  const { engine } = node.deps.db;
  const [list] = await engine.select().from(screeningLists);
  const header = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';
  const rows = [...LIST_ROWS, 'x-3,person,Septimus Blackadder,,1950-01-01,,,TEST,'];
  const version = await importList(system, list?.id ?? newId(), {
    file: Buffer.from([header, ...rows].join('\n')),
  });
  expect(version).toMatchObject({
    status: 'active',
    entityCount: 3,
    baseVersionId: list?.activeVersionId ?? '',
  });
  const changes = await engine
    .select()
    .from(listVersionChanges)
    .where(eq(listVersionChanges.versionId, version.id));
  expect(changes).toMatchObject([{ sourceId: 'x-3', change: 'added', screeningChanged: true }]);
  const versions = await engine
    .select()
    .from(listVersions)
    .where(eq(listVersions.id, list?.activeVersionId ?? ''));
  expect(versions).toMatchObject([{ status: 'superseded', source: 'upload' }]);
  await relay.drained();
  await rescreen(system);
  const standings = await engine.select().from(screeningStandings);
  const people = standings.map(({ userId }) => userId);
  expect(people).toEqual(expect.arrayContaining([waiting.person.userId, listed.person.userId]));
  const looks = await engine.select().from(rescreeningResults);
  expect(looks.filter(({ userId }) => userId === waiting.person.userId)[0]).toMatchObject({
    outcome: 'clear',
  });
});
