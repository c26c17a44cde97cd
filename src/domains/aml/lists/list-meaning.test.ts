/** What a hit on a list means can become another: everybody it concerns is looked at again, and nobody else. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import { createList } from '../create-list.ts';
import { importList } from '../import-list.ts';
import { isFreshlyScreened } from '../rescreening/fresh-screening.ts';
import { rescreen } from '../rescreening/rescreen.ts';
import { screeningStandings } from '../rescreening/schema.ts';
import { amlAlerts } from '../schema.ts';
import { lockedGate, screenLocked } from '../screen.ts';

const HEADER = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';

let desk: ComplianceDesk;
let mlro: Person;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
  mlro = await desk.newPerson(undefined, 'mlro');
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

const FIRST = ['Wilfred', 'Osbert', 'Crispin', 'Lambert', 'Fulbert', 'Engelbert', 'Rupert', 'Hubert'];
let made = 0;

/** Somebody who handed in an application, under a name nobody else has. */
async function customer(): Promise<Person> {
  const person = await desk.newPerson({ firstName: FIRST[made] ?? '', lastName: 'Tattersall-Quigg' });
  made += 1;
  await desk.apply(person);
  return person;
}

/** A list of offices that names these people and stops nobody; everybody was held against it. */
async function listOfOffices(...people: readonly Person[]): Promise<Id> {
  const { id } = await createList(desk.system, {
    kind: 'own',
    name: newId(),
    purpose: 'pep',
    effect: 'review',
  });
  const rows = people.map((one) => `${newId()},person,${one.firstName} ${one.lastName},,1961-02-28,,,TEST,`);
  await importList(desk.system, id, { file: Buffer.from([HEADER, ...rows].join('\n')) });
  await rescreen(desk.system);
  return id;
}

/** One person asks and another agrees. */
async function change(listId: Id, members: object): Promise<void> {
  const asked = await desk.call(desk.officer, 'PATCH', `/v1/aml/lists/${listId}`, members);
  const path = `/v1/approvals/${asked.body.approval.id}/approve`;
  expect((await desk.call(mlro, 'POST', path, { reason: 'Looked at it' })).status).toBe(200);
}

function isFresh(person: Person): Promise<boolean> {
  return transact(desk.system, 'engine', (tx) => isFreshlyScreened(tx, desk.system, [person.userId]));
}

async function alertsOf({ userId }: Person) {
  const rows = await desk.deps.db.engine
    .select({ kind: amlAlerts.kind, effect: amlAlerts.effect })
    .from(amlAlerts)
    .where(eq(amlAlerts.userId, userId))
    .orderBy(amlAlerts.id);
  return rows.map(({ kind, effect }) => `${kind} ${effect}`);
}

async function standingOf({ userId }: Person) {
  const rows = desk.deps.db.engine.select().from(screeningStandings);
  return (await rows.where(eq(screeningStandings.userId, userId)))[0];
}

test('a list that begins to stop stops whoever it named before, though no entry of it changed', async () => {
  const [named, other] = [await customer(), await customer()];
  const listId = await listOfOffices(named);
  expect([await alertsOf(named), (await desk.gateOf(named))?.screening]).toEqual([['pep review'], 'clear']);
  const before = await standingOf(other);

  await change(listId, { effect: 'stop' });

  expect([await isFresh(named), await isFresh(other)]).toEqual([false, true]);
  await rescreen(desk.system);
  expect([await alertsOf(named), (await desk.gateOf(named))?.screening]).toEqual([['pep stop'], 'open']);
  expect(await isFresh(named)).toBe(true);
  expect(await standingOf(other)).toEqual(before);
});

test('a list that is taken for another kind of list says so about whoever it named before', async () => {
  const named = await customer();
  const listId = await listOfOffices(named);
  await change(listId, { purpose: 'sanctions', effect: 'stop' });
  await rescreen(desk.system);
  expect(await alertsOf(named)).toEqual(['pep review', 'sanctions stop']);
  expect((await desk.gateOf(named))?.screening).toBe('open');
});

test('a list that stops nobody any more opens no gate by itself', async () => {
  const named = await customer();
  const listId = await listOfOffices(named);
  await change(listId, { effect: 'stop' });
  await rescreen(desk.system);
  await change(listId, { effect: 'review' });
  await rescreen(desk.system);
  expect([await alertsOf(named), (await desk.gateOf(named))?.screening]).toEqual([['pep stop'], 'open']);
});

test('a change of how a list is fetched has nobody looked at again', async () => {
  const named = await customer();
  const listId = await listOfOffices(named);
  const before = await standingOf(named);
  await change(listId, { staleAfterHours: 72, effect: 'review', purpose: 'pep' });
  expect([await isFresh(named), await standingOf(named)]).toEqual([true, before]);
});

test('a screening that judged by what a hit meant before, and ends after the vote, is done again', async () => {
  const named = await customer();
  const listId = await listOfOffices(named);
  const judged = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const slow = transact(desk.system, 'engine', async (tx) => {
    await screenLocked(tx, desk.system, await lockedGate(tx, named.userId), 'manual');
    judged.resolve();
    await release.promise;
  });
  await judged.promise;
  const voted = change(listId, { effect: 'stop' });
  await Bun.sleep(200);
  release.resolve();
  await Promise.all([slow, voted]);
  expect(await isFresh(named)).toBe(false);
  await rescreen(desk.system);
  expect((await desk.gateOf(named))?.screening).toBe('open');
});
