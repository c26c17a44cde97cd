import { afterAll, beforeAll, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { openJson } from '../../platform/crypto/seal.ts';
import { transact } from '../../platform/db/transact.ts';
import { type IdentityDesk, type Person, startIdentityDesk } from '../../testing/identity-desk.ts';
import { acceptancePlace } from './accept-agreement.ts';
import { gateRefusal } from './gates.ts';
import { agreementAcceptances, customerGates } from './schema.ts';

let desk: IdentityDesk;
let admin: Person;
let admin2: Person;

const TERMS = { kind: 'terms', title: 'Terms of business', body: 'Be fair.\n\nAnd pay on time.' };
const reason = 'Fees changed by the board';

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
  [admin, admin2] = [await desk.newPerson('admin'), await desk.newPerson('admin')];
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function as(person: Person, method: string, path: string, body?: object, headers = {}) {
  const token = await desk.tokenOf(person);
  return desk.request(method, path, { token, headers, ...(body === undefined ? {} : { body }) });
}

async function published(change: object = {}): Promise<void> {
  const asked = await as(admin, 'POST', '/v1/agreements', { ...TERMS, reason, ...change });
  const path = `/v1/approvals/${asked.body.id}/approve`;
  expect((await as(admin2, 'POST', path, { reason })).status).toBe(200);
}

const gateOf = async (person: Person) => {
  const [gate] = await desk.deps.db.engine
    .select()
    .from(customerGates)
    .where(eq(customerGates.userId, person.userId));
  return gate as typeof customerGates.$inferSelect;
};

async function currentOf(person: Person) {
  const { data } = (await as(person, 'GET', '/v1/agreements')).body;
  return data.find((row: { kind: string }) => row.kind === TERMS.kind);
}

test('an agreement is published by two people, and the checker sees the text', async () => {
  const asked = await as(admin, 'POST', '/v1/agreements', { ...TERMS, kind: 'risk_warning', reason });
  expect([asked.status, asked.body.action, asked.body.payload.body]).toEqual([
    202,
    'agreement.publish',
    TERMS.body,
  ]);
  const path = `/v1/approvals/${asked.body.id}/approve`;
  expect((await as(admin, 'POST', path, { reason })).body.code).toBe('self_approval');
  const { data } = (await as(admin, 'GET', '/v1/agreements')).body;
  expect(data.filter((row: { kind: string }) => row.kind === 'risk_warning')).toEqual([]);
  expect((await as(admin2, 'POST', path, { reason })).status).toBe(200);
  const after = (await as(admin, 'GET', '/v1/agreements')).body.data;
  expect(after).toContainEqual(
    expect.objectContaining({ kind: 'risk_warning', revision: 1, body: TERMS.body, acceptedAt: null }),
  );
});

test('a new revision shuts trading for everybody until each accepts it', async () => {
  const person = await desk.newPerson();
  await published();
  const first = await currentOf(person);
  for (const { id } of (await as(person, 'GET', '/v1/agreements')).body.data) {
    await as(person, 'POST', `/v1/agreements/${id}/accept`);
  }
  expect((await gateOf(person)).agreementsCurrent).toBe(true);
  await published({ body: 'Be fairer.' });
  const gate = await gateOf(person);
  const open = {
    ...gate,
    kycStatus: 'approved',
    kycLevel: 'standard',
    screening: 'clear',
    userStatus: 'active',
  } as const;
  expect(gateRefusal(open, 'trade')).toBe('agreements_outdated');
  expect(gateRefusal(open, 'money_out')).toBeNull();
  expect((await as(person, 'POST', `/v1/agreements/${first.id}/accept`)).status).toBe(404);
  const second = await currentOf(person);
  expect(second).toMatchObject({ revision: first.revision + 1, acceptedAt: null });
  await as(person, 'POST', `/v1/agreements/${second.id}/accept`);
  expect((await gateOf(person)).agreementsCurrent).toBe(true);
});

test('an acceptance keeps address, browser, time and revision, sealed where they name a place', async () => {
  await published({ kind: 'privacy_notice' });
  const person = await desk.newPerson();
  const { data } = (await as(person, 'GET', '/v1/agreements')).body;
  const notice = data.find((row: { kind: string }) => row.kind === 'privacy_notice');
  const headers = { 'user-agent': 'Otter/1.0', 'x-forwarded-for': '203.0.113.9' };
  const accepted = await as(person, 'POST', `/v1/agreements/${notice.id}/accept`, undefined, headers);
  const [row] = await desk.deps.db.engine
    .select()
    .from(agreementAcceptances)
    .where(
      and(eq(agreementAcceptances.userId, person.userId), eq(agreementAcceptances.agreementId, notice.id)),
    );
  const key = await transact(desk.system, 'engine', (tx) => desk.deps.personKeys.of(tx, person.userId));
  expect(row?.acceptedAt as string).toBe(accepted.body.acceptedAt);
  expect(
    openJson<object>(key, acceptancePlace(person.userId, notice.id), row?.client as never),
  ).toMatchObject({ userAgent: 'Otter/1.0', ip: '203.0.113.9' });
  const [event] = await desk.auditOf(person.userId, 'agreement.accepted');
  expect(event?.after).toEqual({ kind: 'privacy_notice', revision: 1 });
});

test('of two revisions asked for at once the second must be asked for again', async () => {
  const ask = () => as(admin, 'POST', '/v1/agreements', { ...TERMS, kind: 'order_policy', reason });
  const [one, two] = [(await ask()).body, (await ask()).body];
  const approve = (id: string) => as(admin2, 'POST', `/v1/approvals/${id}/approve`, { reason });
  expect((await approve(one.id)).status).toBe(200);
  expect((await approve(two.id)).body.code).toBe('conflict');
});

test('refuses a text that is empty, too long or no text, and anyone but an admin', async () => {
  const officer = await desk.newPerson('compliance_officer');
  const faults = [
    { body: ' ' },
    { body: 'a\0b' },
    { body: 'x'.repeat(100_001) },
    { kind: 'Terms' },
    { title: 'a\nb' },
  ];
  for (const fault of faults) {
    expect((await as(admin, 'POST', '/v1/agreements', { ...TERMS, reason, ...fault })).status).toBe(422);
  }
  expect((await as(officer, 'POST', '/v1/agreements', { ...TERMS, reason })).body.code).toBe('forbidden');
});
