import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { and, desc, eq } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { openClient } from '../../../platform/db/client.ts';
import type { Ciphertext } from '../../../platform/db/columns.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  INNOCENT,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import { customerGates, users } from '../../identity/schema.ts';
import { screeningAlgorithm } from '../config.ts';
import { createList, importList } from '../index.ts';
import { amlAlerts, screenings } from '../schema.ts';
import { lockedGate, screenLocked } from '../screen.ts';
import { isFreshlyScreened } from './fresh-screening.ts';
import { rescreen } from './rescreen.ts';
import { rescreeningResults, rescreeningRuns, screeningStandings } from './schema.ts';

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList([...LIST_ROWS, ...ballast()]);
});

/** Nobody is behind for what another test did, and no event of it is still on its way. */
beforeEach(async () => {
  await desk.settle();
  await rescreen(desk.system);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

/** So many entries that one more is a small share of the lists. */
function ballast(): string[] {
  return Array.from({ length: 40 }, (_, at) => `b-${at},organisation,Ballast Works ${at},,,,,TEST,`);
}

const FIRST = ['Zebulon', 'Thaddeus', 'Ignatius', 'Leopold', 'Barnabas', 'Cornelius', 'Erasmus', 'Horatio'];
const LAST = ['Quickfall', 'Wetherspoon', 'Ravenscroft', 'Thistlewood', 'Pemberley', 'Hollingberry'];

let made = 0;
/** Somebody approved for screening whose name nobody else has. */
async function customer(): Promise<Person> {
  const name = {
    firstName: FIRST[made % FIRST.length] ?? '',
    lastName: LAST[Math.floor(made / FIRST.length)] ?? '',
  };
  made += 1;
  const person = await desk.newPerson(name);
  await desk.apply(person);
  return person;
}

/** Lists these people tomorrow, each on a list of its own making. */
async function publish(...people: readonly Person[]): Promise<void> {
  await list(...people);
  await desk.settle();
}

async function list(...people: readonly Person[]): Promise<void> {
  const { id } = await createList(desk.system, { kind: 'own', name: newId() });
  const rows = people.map(
    ({ firstName, lastName }) => `${newId()},person,${firstName} ${lastName},,1961-02-28,,,TEST,`,
  );
  const header = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';
  await importList(desk.system, id, { file: Buffer.from([header, ...rows].join('\n')) });
}

function engine() {
  return desk.deps.db.engine;
}

/** As somebody is who was screened before standings were kept. */
async function forgetStanding({ userId }: Person): Promise<void> {
  const owner = openClient(desk.database.owner, 1);
  await owner.begin(async (client) => {
    await client`alter table screening_standings no force row level security`;
    await client`delete from screening_standings where user_id = ${userId}`;
    await client`alter table screening_standings force row level security`;
  });
  await owner.end();
}

async function standingOf({ userId }: Person) {
  const [row] = await engine().select().from(screeningStandings).where(eq(screeningStandings.userId, userId));
  return row;
}

async function newestRun() {
  const [run] = await engine().select().from(rescreeningRuns).orderBy(desc(rescreeningRuns.id)).limit(1);
  if (run === undefined) {
    throw new Error('there is a run');
  }
  return run;
}

function resultsOf(runId: Id, { userId }: Person) {
  return engine()
    .select()
    .from(rescreeningResults)
    .where(and(eq(rescreeningResults.runId, runId), eq(rescreeningResults.userId, userId)));
}

function alertsOf({ userId }: Person) {
  return engine().select().from(amlAlerts).where(eq(amlAlerts.userId, userId));
}

function isFresh(person: Person): Promise<boolean> {
  return transact(desk.system, 'engine', (tx) => isFreshlyScreened(tx, desk.system, [person.userId]));
}

test('a new list finds exactly those who are on it, by what changed alone, and keeps a row on everybody', async () => {
  const [listed, other] = [await customer(), await customer()];
  expect(await desk.gateOf(listed)).toMatchObject({ screening: 'clear' });
  await publish(listed);
  const run = await newestRun();
  expect(run).toMatchObject({ cause: 'list_change', status: 'running', done: 0 });
  expect(await isFresh(other)).toBe(false);

  await rescreen(desk.system);

  expect(await desk.gateOf(listed)).toMatchObject({ screening: 'open' });
  expect(await desk.gateOf(other)).toMatchObject({ screening: 'clear' });
  expect(await alertsOf(listed)).toMatchObject([{ kind: 'sanctions', status: 'open', occurrences: 1 }]);
  expect(await alertsOf(other)).toEqual([]);
  expect(await resultsOf(run.id, other)).toMatchObject([
    { outcome: 'clear', isDelta: true, entities: 1, screeningId: null },
  ]);
  const [hit] = await resultsOf(run.id, listed);
  expect(hit?.outcome).toBe('screened');
  const [screening] = await engine()
    .select()
    .from(screenings)
    .where(eq(screenings.id, hit?.screeningId ?? ''));
  expect(screening).toMatchObject({ result: 'alert', trigger: 'list_change', matchCount: 1 });
  const after = await newestRun();
  expect(after).toMatchObject({ id: run.id, status: 'done', hits: 1, done: after.total });
  expect([await isFresh(listed), await isFresh(other)]).toEqual([true, true]);
  const audit = await engine()
    .select({ event: auditLogs.eventType, class: auditLogs.class })
    .from(auditLogs)
    .where(eq(auditLogs.resourceId, run.id))
    .orderBy(auditLogs.id);
  expect(audit).toEqual([
    { event: 'rescreening.started', class: 'restricted' },
    { event: 'rescreening.finished', class: 'restricted' },
  ]);
});

test('a run that was cut off goes on where it stood and looks at nobody twice', async () => {
  const people = [await customer(), await customer(), await customer(), await customer()];
  const [first, , third] = people as [Person, Person, Person, Person];
  await publish(third);
  const broken = [...people].sort((left, right) => (left.userId < right.userId ? -1 : 1))[2] as Person;
  const [row] = await engine().select().from(users).where(eq(users.id, broken.userId));
  // What is known of one person cannot be opened: the others are looked at, and the run stays open.
  await engine()
    .update(users)
    .set({ profile: new Uint8Array(64) as Ciphertext })
    .where(eq(users.id, broken.userId));
  const failure = await rescreen(desk.system, 2).catch((error: Error) => error.name);
  expect(failure).toBe('SealError');
  const cut = await newestRun();
  expect(cut).toMatchObject({ status: 'running', done: cut.total - 1 });
  for (const person of people.filter((one) => one !== broken)) {
    expect(await isFresh(person)).toBe(true);
  }
  await engine()
    .update(users)
    .set({ profile: row?.profile as Ciphertext })
    .where(eq(users.id, broken.userId));

  await rescreen(desk.system, 2);

  expect(await newestRun()).toMatchObject({ id: cut.id, status: 'done', done: cut.total, hits: 1 });
  expect(await desk.gateOf(third)).toMatchObject({ screening: 'open' });
  for (const person of people) {
    expect(await resultsOf(cut.id, person)).toHaveLength(1);
  }
  expect(await desk.gateOf(first)).toMatchObject({ screening: 'clear' });
});

test('a screening that began before a list changed and ended after it leaves its person behind, not clear for good', async () => {
  const person = await customer();
  let release: () => void = () => {};
  let begun: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const started = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const slow = transact(desk.system, 'engine', async (tx) => {
    await screenLocked(tx, desk.system, await lockedGate(tx, person.userId), 'manual');
    begun();
    await held;
  });
  await started;
  // No event is delivered while a transaction is open that may still write one: the run begins by itself.
  await list(person);
  const run = rescreen(desk.system);
  await Bun.sleep(200);
  release();
  await slow;
  await run;
  await rescreen(desk.system);
  expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
  expect(await isFresh(person)).toBe(true);
});

test('two workers at once find what one would, and every alert is one', async () => {
  const people = [await customer(), await customer(), await customer()];
  const [, listed] = people as [Person, Person, Person];
  await publish(listed);
  await Promise.all([rescreen(desk.system, 1), rescreen(desk.system, 1)]);
  await rescreen(desk.system);
  expect(await newestRun()).toMatchObject({ status: 'done' });
  expect(await alertsOf(listed)).toHaveLength(1);
  for (const person of people) {
    expect(await isFresh(person)).toBe(true);
  }
});

test('a list that changes while a run goes on is covered by that run', async () => {
  const [one, two] = [await customer(), await customer()];
  await publish(one);
  const begun = await newestRun();
  await publish(two);
  expect((await newestRun()).id).toBe(begun.id);
  await rescreen(desk.system);
  expect(await desk.gateOf(one)).toMatchObject({ screening: 'open' });
  expect(await desk.gateOf(two)).toMatchObject({ screening: 'open' });
});

test('whoever never handed anything in is nobody to look at', async () => {
  const stranger = await desk.newPerson(INNOCENT);
  await publish(stranger);
  await rescreen(desk.system);
  expect(await standingOf(stranger)).toBeUndefined();
  expect(await desk.gateOf(stranger)).toMatchObject({ screening: 'none' });
});

test('a person without a standing, as after an upgrade, is compared with everything', async () => {
  const person = await customer();
  await forgetStanding(person);
  expect(await isFresh(person)).toBe(false);
  await rescreen(desk.system);
  const [result] = await engine()
    .select()
    .from(rescreeningResults)
    .where(eq(rescreeningResults.userId, person.userId))
    .orderBy(desc(rescreeningResults.at))
    .limit(1);
  expect(result).toMatchObject({ outcome: 'clear', isDelta: false });
  expect(result?.entities).toBeGreaterThan(40);
  expect(await standingOf(person)).toMatchObject({ screeningId: null });
});

test('a release that compares otherwise leaves everybody behind, and compares them with everything', async () => {
  const person = await customer();
  await rescreen(desk.system);
  const before = await standingOf(person);
  expect(before?.configHash).toContain(`${screeningAlgorithm} `);
  const older = [
    before?.configHash.split(' ')[1] ?? '',
    before?.configHash.replace(screeningAlgorithm, 'names/0'),
  ];
  for (const configHash of older) {
    await engine()
      .update(screeningStandings)
      .set({ configHash })
      .where(eq(screeningStandings.userId, person.userId));
    expect(await isFresh(person)).toBe(false);
    await rescreen(desk.system);
    expect((await standingOf(person))?.configHash).toBe(before?.configHash);
    expect(await resultsOf((await newestRun()).id, person)).toMatchObject([{ isDelta: false }]);
  }
});

test('whoever is due by themselves is compared with everything though no list changed', async () => {
  const person = await customer();
  await rescreen(desk.system);
  const before = await standingOf(person);
  await engine()
    .update(screeningStandings)
    .set({ nextDueAt: desk.deps.clock.now() })
    .where(eq(screeningStandings.userId, person.userId));
  await rescreen(desk.system);
  expect(await newestRun()).toMatchObject({ cause: 'catch_up', status: 'done' });
  const after = await standingOf(person);
  expect(after?.version).toBe((before?.version ?? 0) + 1);
  expect((after?.nextDueAt ?? '') > desk.deps.clock.now()).toBe(true);
});

test('a run over everybody is started by staff, tells how far it is, and is one at a time', async () => {
  const person = await customer();
  await rescreen(desk.system);
  const started = await desk.call(desk.officer, 'POST', '/v1/aml/rescreenings');
  expect(started).toMatchObject({ status: 202, body: { cause: 'manual', isFull: true, done: 0 } });
  expect(await desk.call(desk.officer, 'POST', '/v1/aml/rescreenings')).toMatchObject({
    status: 409,
    body: { code: 'rescreening_running' },
  });
  await rescreen(desk.system);
  const path = `/v1/aml/rescreenings/${started.body.id}`;
  const { body } = await desk.call(desk.officer, 'GET', path);
  expect(body).toMatchObject({ status: 'done', done: started.body.total, total: started.body.total });
  expect(await resultsOf(started.body.id, person)).toMatchObject([{ isDelta: false }]);
});

test('a name that changes is screened anew', async () => {
  const person = await desk.newPerson({ firstName: 'Septimus', lastName: 'Oglethorpe' });
  await desk.apply(person);
  const count = async () =>
    (await engine().select().from(screenings).where(eq(screenings.userId, person.userId))).length;
  const before = await count();
  // Locked since the application: as a reviewer would reopen it.
  await engine()
    .update(customerGates)
    .set({ kycStatus: 'not_started' })
    .where(eq(customerGates.userId, person.userId));
  const { headers } = await desk.call(person, 'GET', '/v1/me');
  const changed = await desk.request('PATCH', '/v1/me', {
    token: person.token,
    headers: { 'if-match': headers.get('etag') ?? '' },
    body: { lastName: 'Oglethorpe-Smith' },
  });
  expect(changed.status).toBe(200);
  await desk.settle();
  expect(await count()).toBe(before + 1);
});
