import { afterAll, beforeAll, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { addMs, parseInstant } from '../../kernel/time.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { bankBeneficiary, type FundingDesk, HOLDER, startFundingDesk } from '../../testing/funding-desk.ts';
import { createList, importList } from '../aml/index.ts';
import { amlAlerts } from '../aml/schema.ts';
import { customerGates } from '../identity/schema.ts';
import { payeeRefusal } from './rules.ts';
import { beneficiaries } from './schema.ts';
import { settleBeneficiaries } from './settle-beneficiaries.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  await desk.close();
});

/** Lists the name that every customer of the desk bears. */
async function listEverybody(): Promise<void> {
  const list = await createList(desk.system, { kind: 'own', name: newId() });
  const file = `id,kind,name,aliases,birth_dates,countries,gender,programs,remarks
${newId()},person,${HOLDER},,,,,TEST,A name every customer of the desk bears
`;
  await importList(desk.system, list.id, { file: new Uint8Array(Buffer.from(file)) });
}

async function payeeOf(id: string) {
  const [row] = await desk.deps.db.engine
    .select()
    .from(beneficiaries)
    .where(eq(beneficiaries.id, id as never));
  return row;
}

/** A payee that waits for a review, with the alert about it. */
async function heldPayee() {
  const person = await desk.newCustomer();
  await desk.fund(person, 'USD', '10');
  await listEverybody();
  const { body: shown } = await desk.request(person, 'POST', '/v1/beneficiaries', {
    body: bankBeneficiary(),
  });
  const row = await payeeOf(shown.id);
  expect(row?.status).toBe('pending');
  return { person, shown, id: shown.id as string, screeningId: row?.screeningId as never };
}

/** Ends the alerts of a kind as the work on them would. */
async function end(userId: string, kind: string, disposition: 'false_positive' | 'inconclusive') {
  await desk.deps.db.engine
    .update(amlAlerts)
    .set({ status: 'resolved', disposition })
    .where(and(eq(amlAlerts.userId, userId as never), eq(amlAlerts.kind, kind)));
}

test('a payee is cleared by no other alert than each of those that stop it', async () => {
  const { person, id, screeningId } = await heldPayee();
  const { userId } = person;
  await desk.deps.db.engine.insert(amlAlerts).values({
    id: newId(),
    userId,
    screeningId,
    status: 'open',
    kind: 'pep',
    dedupKey: 'screen:pep',
    severity: 'medium',
    effect: 'review',
    createdAt: desk.deps.clock.now(),
  });
  await end(userId, 'pep', 'false_positive');
  await settleBeneficiaries(desk.system);
  expect((await payeeOf(id))?.status).toBe('pending');
  const stopping = eq(amlAlerts.effect, 'stop');
  const [stops] = await desk.deps.db.engine
    .select()
    .from(amlAlerts)
    .where(and(eq(amlAlerts.userId, userId), stopping));
  await end(userId, stops?.kind ?? '', 'inconclusive');
  await settleBeneficiaries(desk.system);
  expect((await payeeOf(id))?.status).toBe('pending');
  await end(userId, stops?.kind ?? '', 'false_positive');
  await settleBeneficiaries(desk.system);
  expect((await payeeOf(id))?.status).toBe('active');
});

test('what a customer sees of a payee is the same while it waits and after', async () => {
  const { person, shown, id } = await heldPayee();
  const list = async () => (await desk.request(person, 'GET', '/v1/beneficiaries')).body.data;
  const before = await list();
  desk.advance(60_000);
  for (const { kind } of await desk.deps.db.engine
    .select()
    .from(amlAlerts)
    .where(eq(amlAlerts.userId, person.userId))) {
    await end(person.userId, kind, 'false_positive');
  }
  await settleBeneficiaries(desk.system);
  expect(await list()).toEqual(before);
  const row = await payeeOf(id);
  expect(row).toMatchObject({ status: 'active', usableFrom: shown.usableFrom });
  expect((row?.payableFrom ?? '') > shown.usableFrom).toBe(true);
  // Nor does their own export tell: what they did says what they were shown, all else is restricted.
  const told = await desk.deps.db.engine
    .select()
    .from(auditLogs)
    .where(and(eq(auditLogs.resourceId, id), eq(auditLogs.actorUserId, person.userId)));
  expect(told.map(({ eventType, class: kept }) => `${eventType} ${kept}`).toSorted()).toEqual([
    'beneficiary.added normal',
    'beneficiary.held restricted',
  ]);
  const added = told.find(({ eventType }) => eventType === 'beneficiary.added');
  expect(JSON.stringify(added?.after)).not.toContain('pending');
});

test('a payee that waits is refused by its shown date until then, and in the words of any review after', () => {
  const now = parseInstant('2026-03-02T00:00:00Z');
  const [early, late] = [addMs(now, -1), addMs(now, 1)];
  const free = { status: 'active', usableFrom: early, payableFrom: null } as const;
  expect(payeeRefusal(free, now)).toBeNull();
  expect(payeeRefusal({ ...free, payableFrom: early }, now)).toBeNull();
  expect(payeeRefusal({ ...free, payableFrom: late }, now)).toBe('under_review');
  expect(payeeRefusal({ ...free, status: 'pending' }, now)).toBe('under_review');
  expect(payeeRefusal({ ...free, status: 'pending', usableFrom: late }, now)).toBe('beneficiary_not_usable');
  expect(payeeRefusal({ ...free, usableFrom: late, payableFrom: late }, now)).toBe('beneficiary_not_usable');
  expect(payeeRefusal({ ...free, status: 'removed' }, now)).toBe('beneficiary_not_usable');
});

test('a payee whose name a list holds waits, looks like any other, and opens an alert', async () => {
  const [before, person] = [await desk.newCustomer(), await desk.newCustomer()];
  await desk.fund(person, 'USD', '10');
  const clear = await desk.request(before, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  expect(clear.body.status).toBe('active');
  await listEverybody();
  const hit = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  expect(hit.body.status).toBe('active');
  expect(Object.keys(hit.body)).toEqual(Object.keys(clear.body));
  expect(JSON.stringify(hit.body)).not.toMatch(/screen|sanction|match|alert/i);
  const { engine } = desk.deps.db;
  const alerts = await engine.select().from(amlAlerts).where(eq(amlAlerts.userId, person.userId));
  expect(alerts).toHaveLength(1);
  const [gate] = await engine.select().from(customerGates).where(eq(customerGates.userId, person.userId));
  expect(gate?.screening).toBe('open');

  await settleBeneficiaries(desk.system);
  const { id } = hit.body;
  const listed = await desk.request(person, 'GET', '/v1/beneficiaries');
  expect(listed.body.data).toMatchObject([{ id, status: 'active' }]);
  const held = await engine.select().from(beneficiaries).where(eq(beneficiaries.id, id));
  expect(held).toMatchObject([{ status: 'pending' }]);
  // The gate shuts the customer out first; with it open again, the payee itself still waits.
  await desk.changeGate(person, { screening: 'clear' });
  const body = { accountId: person.accountId, asset: 'USD', amount: '1', beneficiaryId: id };
  const ask = () => desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() });
  expect((await ask()).body.code).toBe('under_review');

  const alert = eq(amlAlerts.userId, person.userId);
  await engine.update(amlAlerts).set({ status: 'resolved', disposition: 'false_positive' }).where(alert);
  await settleBeneficiaries(desk.system);
  await settleBeneficiaries(desk.system);
  const [row] = await engine.select().from(beneficiaries).where(eq(beneficiaries.id, id));
  expect(row?.status).toBe('active');
  expect((await ask()).status).toBe(201);
});
