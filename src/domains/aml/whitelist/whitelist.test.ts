import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import type { Ciphertext } from '../../../platform/db/columns.ts';
import { type ComplianceDesk, type Person, startComplianceDesk } from '../../../testing/compliance-desk.ts';
import { roleGrants, users } from '../../identity/schema.ts';
import { amlAlerts, screeningMatches } from '../schema.ts';
import { expireWhitelist } from './expire-entries.ts';
import { whitelistEntries } from './schema.ts';

const REASON = { reason: 'Another birth date and another nationality' };
const DAY_MS = 24 * 3_600_000;

/** Fictional people, one for each test, so unlike each other that none is found for another. */
const NAMES = [
  'Ottoline Vexworth',
  'Crispian Tollhurst',
  'Zenobia Marchmain',
  'Thaddeus Quillfeather',
  'Isambard Drakelow',
  'Philippa Oxenbridge',
  'Lysander Wintergreen',
  'Cordelia Hawksmoor',
  'Peregrine Underhill',
  'Theodora Kettleburn',
  'Balthazar Moxley',
  'Wilhelmina Strake',
  'Barnaby Thistlewood',
  'Euphemia Crackstone',
  'Horatio Pennyfarthing',
  'Seraphina Blackadder',
  'Montague Felspar',
];

/** What the list says of each of them by now; a file only ever adds, so that it screens at once. */
const ROWS = new Map<string, string>();

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

/** Puts somebody on the list, or says more of them. */
async function listed(name: string, aliases = '', remarks = ''): Promise<void> {
  ROWS.set(name, `${name},person,${name},${aliases},1961-02-28,,,TEST,${remarks}`);
  await desk.loadList([...ROWS.values()]);
}

/** Somebody with a listed name. */
async function newListed(): Promise<Person> {
  const name = present(NAMES.pop(), 'there is a name for each test');
  const [firstName = '', lastName = ''] = name.split(' ');
  await listed(name);
  const person = await desk.newPerson({ firstName, lastName });
  await desk.apply(person);
  return person;
}

function nameOf({ firstName, lastName }: Person): string {
  return `${firstName} ${lastName}`;
}

function entriesOf(person: Person) {
  return desk.deps.db.engine
    .select()
    .from(whitelistEntries)
    .where(eq(whitelistEntries.userId, person.userId))
    .orderBy(whitelistEntries.id);
}

function alertsOf(person: Person) {
  return desk.deps.db.engine
    .select()
    .from(amlAlerts)
    .where(eq(amlAlerts.userId, person.userId))
    .orderBy(amlAlerts.id);
}

/** Lets nobody read what is known of a person, so that they cannot be screened. @shape what makes it good again */
async function unreadable({ userId }: Person): Promise<() => Promise<unknown>> {
  const { engine } = desk.deps.db;
  const [row] = await engine.select().from(users).where(eq(users.id, userId));
  const write = (profile: Ciphertext) => engine.update(users).set({ profile }).where(eq(users.id, userId));
  await write(new Uint8Array(64) as Ciphertext);
  return async () => write(present(row, 'the user exists').profile as Ciphertext);
}

/** The same person as one of compliance. */
async function insider(person: Person): Promise<Person> {
  const grantedAt = desk.deps.clock.now();
  const role = 'compliance_officer';
  await desk.deps.db.engine.insert(roleGrants).values({ userId: person.userId, role, grantedAt });
  return desk.signIn(person, 'customer', role);
}

async function screen(person: Person) {
  return (await desk.call(desk.officer, 'POST', '/v1/aml/screenings', { userId: person.userId })).body;
}

/** Somebody with the listed name whom two people called another. */
async function whitelisted(whitelistDays = 180): Promise<Person> {
  const person = await newListed();
  const [alert] = await alertsOf(person);
  const resolution = { disposition: 'false_positive', whitelistDays, ...REASON };
  const asked = await desk.call(desk.officer, 'POST', `/v1/aml/alerts/${alert?.id}/resolve`, resolution);
  const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
  expect((await desk.call(desk.officer2, 'POST', vote, REASON)).status).toBe(200);
  return person;
}

describe('whom two people called another', () => {
  test('is clear from then on, and the match stays as evidence with the entry that covers it', async () => {
    const person = await whitelisted();
    const [entry] = await entriesOf(person);
    expect(entry).toMatchObject({
      sourceId: nameOf(person),
      party: '',
      endedAt: null,
      createdBy: desk.officer.userId,
    });
    const screening = await screen(person);
    expect(screening).toMatchObject({ result: 'clear', matchCount: 1 });
    const [match] = await desk.deps.db.engine
      .select()
      .from(screeningMatches)
      .where(eq(screeningMatches.screeningId, screening.id));
    expect(match?.suppressedBy).toBe(entry?.id as string);
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'clear' });
    expect(await alertsOf(person)).toHaveLength(1);
  });

  test('is covered for nobody else of the same name', async () => {
    const { firstName, lastName } = await whitelisted();
    const namesake = await desk.newPerson({ firstName, lastName });
    await desk.apply(namesake);
    expect(await desk.gateOf(namesake)).toMatchObject({ screening: 'open' });
  });

  test('is an alert again once the entry of the list says something else of them', async () => {
    const person = await whitelisted();
    await listed(nameOf(person), 'Another Spelling');
    await screen(person);
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
    expect(await entriesOf(person)).toMatchObject([{ endCause: 'entity_changed' }]);
    expect(await alertsOf(person)).toMatchObject([{ status: 'resolved' }, { status: 'open' }]);
  });

  test('stays covered where the publisher only changed what screening does not read', async () => {
    const person = await whitelisted();
    await listed(nameOf(person), '', 'Seen in Curepipe');
    expect(await screen(person)).toMatchObject({ result: 'clear', matchCount: 1 });
    expect(await entriesOf(person)).toMatchObject([{ endedAt: null }]);
  });

  test('is an alert again once they say something else of themselves', async () => {
    const person = await whitelisted();
    const [path] = (await desk.call(person, 'GET', '/v1/kyc/applications')).body.data;
    await desk.call(desk.officer, 'POST', `/v1/kyc/applications/${path.id}/reject`, REASON);
    await desk.apply(person, { birthDate: '1961-02-27' });
    expect(await entriesOf(person)).toMatchObject([{ endCause: 'subject_changed' }]);
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
  });

  test('is looked at again when the time is over, also where nobody screens them', async () => {
    const person = await whitelisted(1);
    expect(await screen(person)).toMatchObject({ result: 'clear' });
    desk.advance(2 * DAY_MS);
    await expireWhitelist(desk.system);
    await expireWhitelist(desk.system);
    expect(await entriesOf(person)).toMatchObject([{ endCause: 'expired' }]);
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
    expect(await alertsOf(person)).toHaveLength(2);
  });

  test('is looked at again when one person takes the entry back', async () => {
    const person = await whitelisted();
    const [entry] = await entriesOf(person);
    const path = `/v1/aml/whitelist/${entry?.id}`;
    expect((await desk.call(desk.officer2, 'DELETE', path)).body).toMatchObject({ endCause: 'revoked' });
    expect((await desk.call(desk.officer2, 'DELETE', path)).status).toBe(404);
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
  });

  test('keeps the entry where one person takes it back and no screening can follow', async () => {
    const person = await whitelisted();
    const [entry] = await entriesOf(person);
    const path = `/v1/aml/whitelist/${entry?.id}`;
    const mend = await unreadable(person);
    expect((await desk.call(desk.officer2, 'DELETE', path)).status).toBe(500);
    expect(await entriesOf(person)).toMatchObject([{ endedAt: null }]);
    await mend();
    expect((await desk.call(desk.officer2, 'DELETE', path)).body).toMatchObject({ endCause: 'revoked' });
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
  });

  test('is looked at again when the time is over, although somebody else cannot be screened', async () => {
    const people = [await whitelisted(1), await whitelisted(1)].sort((left, right) =>
      left.userId < right.userId ? -1 : 1,
    );
    const [broken, next] = people as [Person, Person];
    desk.advance(2 * DAY_MS);
    const mend = await unreadable(broken);
    expect(await expireWhitelist(desk.system).catch((error: Error) => error.name)).toBe('SealError');
    expect(await entriesOf(next)).toMatchObject([{ endCause: 'expired' }]);
    expect(await desk.gateOf(next)).toMatchObject({ screening: 'open' });
    // Their entry ends with its screening or not at all: the next run finds it.
    expect(await entriesOf(broken)).toMatchObject([{ endedAt: null }]);
    await mend();
    await expireWhitelist(desk.system);
    expect(await entriesOf(broken)).toMatchObject([{ endCause: 'expired' }]);
    expect(await desk.gateOf(broken)).toMatchObject({ screening: 'open' });
  });

  test('is asked for anew where more was found before the second person agreed', async () => {
    const person = await newListed();
    const [alert] = await alertsOf(person);
    const resolution = { disposition: 'false_positive', ...REASON };
    const asked = await desk.call(desk.officer, 'POST', `/v1/aml/alerts/${alert?.id}/resolve`, resolution);
    await listed(nameOf(person), 'A Third Spelling');
    await screen(person);
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.call(desk.officer2, 'POST', vote, REASON)).body.code).toBe('alert_changed');
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
  });
});

describe('while the alert is open', () => {
  /** What an alert of somebody names, as a request for the whitelist says it. */
  async function named(person: Person, party = '') {
    const [alert] = await alertsOf(person);
    const { body } = await desk.call(desk.officer, 'GET', `/v1/aml/alerts/${alert?.id}`);
    const entries = (body.items as readonly { listId: string; sourceId: string; party: string }[])
      .filter((item) => item.party === party)
      .map(({ listId, sourceId }) => ({ listId, sourceId, party }));
    return { alertId: alert?.id, entries, ...REASON };
  }

  const ask = (body: object, by = desk.officer) => desk.call(by, 'POST', '/v1/aml/whitelist', body);

  test('two people say whom somebody is not: the alert stays open, and no further screening adds to it', async () => {
    const person = await newListed();
    const request = { ...(await named(person)), days: 30 };
    const asked = await ask(request);
    expect(asked).toMatchObject({ status: 202, body: { approval: { action: 'aml_whitelist.add' } } });
    expect(await entriesOf(person)).toEqual([]);
    expect((await ask(request)).body.code).toBe('approval_pending_exists');
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.call(desk.officer, 'POST', vote, REASON)).body.code).toBe('self_approval');
    expect((await desk.call(desk.officer2, 'POST', vote, REASON)).status).toBe(200);
    const [entry] = await entriesOf(person);
    expect(entry).toMatchObject({ alertId: request.alertId, createdBy: desk.officer.userId, endedAt: null });
    expect(Date.parse(entry?.expiresAt ?? '') - Date.parse(entry?.createdAt ?? '')).toBe(30 * DAY_MS);
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
    const [before] = await alertsOf(person);
    expect(await screen(person)).toMatchObject({ result: 'clear', matchCount: 1 });
    expect(await alertsOf(person)).toMatchObject([{ status: 'open', occurrences: before?.occurrences }]);
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
  });

  test('an entry that changed since it was asked for is not what was agreed to', async () => {
    const person = await newListed();
    const asked = await ask(await named(person));
    await listed(nameOf(person), 'A Fourth Spelling');
    await screen(person);
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.call(desk.officer2, 'POST', vote, REASON)).body.code).toBe('alert_changed');
    expect(await entriesOf(person)).toEqual([]);
  });

  test('nobody calls themselves another, nor an entry that the alert does not name', async () => {
    const person = await newListed();
    const request = await named(person);
    const self = await insider(person);
    expect((await ask(request, self)).body.code).toBe('self_review');
    const other = { ...request, entries: [{ ...request.entries[0], party: 'party:other' }] };
    expect((await ask(other)).body.code).toBe('whitelist_entry_unknown');
  });

  test('who was just confirmed is not called another, and a confirmation ends what was asked for', async () => {
    const person = await newListed();
    const request = await named(person);
    const asked = await ask(request);
    const truth = { disposition: 'true_match', ...REASON };
    await desk.call(desk.officer2, 'POST', `/v1/aml/alerts/${request.alertId}/resolve`, truth);
    const approval = await desk.call(desk.officer, 'GET', `/v1/approvals/${asked.body.approval.id}`);
    expect(approval.body.status).toBe('cancelled');
    expect((await ask(request)).body.code).toBe('alert_confirmed');
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'confirmed' });
  });
});

test('all that is said of somebody is taken back at once, with one screening', async () => {
  const person = await whitelisted();
  const path = `/v1/aml/whitelist?userId=${person.userId}`;
  const self = await insider(person);
  expect((await desk.call(self, 'DELETE', path)).body.code).toBe('self_review');
  const taken = await desk.call(desk.officer2, 'DELETE', path);
  expect(taken).toMatchObject({ status: 200, body: { data: [{ endCause: 'revoked' }] } });
  expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
  expect((await desk.call(desk.officer2, 'DELETE', path)).body).toEqual({ data: [] });
  expect((await desk.call(desk.officer2, 'DELETE', `/v1/aml/whitelist?userId=${newId()}`)).status).toBe(404);
});

test('code that would not ask is refused by the database', async () => {
  const person = await whitelisted();
  const [entry] = await entriesOf(person);
  const codeOf = (step: PromiseLike<unknown>) =>
    Promise.resolve(step).then(
      () => 'done',
      (error: { cause?: { code?: string } }) => error.cause?.code,
    );
  const engine = desk.deps.db.engine;
  const forged = {
    ...(entry as typeof whitelistEntries.$inferSelect),
    id: newId(),
    party: 'somebody else',
    approvalId: newId(),
  };
  expect(await codeOf(engine.insert(whitelistEntries).values(forged))).toBe('PL031');
  const mine = eq(whitelistEntries.userId, person.userId);
  const expiresAt = desk.deps.clock.now();
  expect(await codeOf(engine.update(whitelistEntries).set({ expiresAt }).where(mine))).not.toBe('done');
});
