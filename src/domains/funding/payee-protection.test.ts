/** What somebody who can write the tables, even as their owner, still cannot do unnoticed. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, type SQL, sql } from 'drizzle-orm';
import { parseAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { sealJson } from '../../platform/crypto/seal.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { transact } from '../../platform/db/transact.ts';
import {
  BITCOIN_BENEFICIARY,
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  OWN_WALLET,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { beneficiaryPlace, type Destination, destinationHash, withdrawalPlace } from './destination.ts';
import { holdOne } from './hold-withdrawals.ts';
import { beneficiaries, withdrawals } from './schema.ts';
import type { Withdrawal } from './store.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  await desk.close();
});

const SWAPPED: Destination = {
  kind: 'bank',
  holderName: HOLDER,
  iban: 'DE89370400440532013000',
  bic: 'COBADEFF',
};

type Change = Partial<typeof withdrawals.$inferInsert>;

async function requested(): Promise<{
  readonly person: Person;
  readonly id: string;
  readonly beneficiaryId: string;
}> {
  const person = await desk.newCustomer();
  await desk.fund(person, 'USD', '1000');
  const added = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  const { accountId } = person;
  const body = { accountId, asset: 'USD', amount: '100', beneficiaryId: added.body.id };
  const answer = await desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() });
  return { person, id: answer.body.id, beneficiaryId: added.body.id };
}

function act(person: Person, id: string, step: string, body?: object) {
  return desk.request(person, 'POST', `/v1/withdrawals/${id}/${step}`, body === undefined ? {} : { body });
}

const approve = (id: string) => act(desk.compliance, id, 'approve', { reason: 'Looked at it' });

async function tamper(id: string, change: Change): Promise<void> {
  await writeUnguarded(desk.database, 'withdrawals', (tx) =>
    tx.update(withdrawals).set(change).where(eq(withdrawals.id, id)),
  );
}

async function sealedFor(person: Person, id: string): Promise<Withdrawal['destination']> {
  const key = await transact(desk.system, 'engine', (tx) => desk.deps.personKeys.of(tx, person.userId));
  return sealJson(key, withdrawalPlace(id), SWAPPED);
}

describe('found at the approval', () => {
  test('a snapshot sealed anew with another payee', async () => {
    const { person, id } = await requested();
    await tamper(id, { destination: await sealedFor(person, id) });
    expect((await approve(id)).body.code).toBe('destination_changed');
  });

  test('a snapshot sealed anew with its hash made to fit', async () => {
    const { person, id } = await requested();
    await tamper(id, {
      destination: await sealedFor(person, id),
      destinationHash: destinationHash(desk.deps.keyring, SWAPPED),
    });
    expect((await approve(id)).body.code).toBe('approved_request_changed');
  });

  test("another withdrawal's snapshot", async () => {
    const [first, second] = [await requested(), await requested()];
    const [other] = await desk.deps.db.engine.select().from(withdrawals).where(eq(withdrawals.id, second.id));
    await tamper(first.id, { destination: other?.destination as Withdrawal['destination'] });
    expect((await approve(first.id)).body.code).toBe('destination_changed');
  });

  test("the beneficiary's own row sealed anew", async () => {
    const { person, id, beneficiaryId } = await requested();
    const key = await transact(desk.system, 'engine', (tx) => desk.deps.personKeys.of(tx, person.userId));
    const destination = sealJson(key, beneficiaryPlace('destination', beneficiaryId), SWAPPED);
    await desk.deps.db.engine
      .update(beneficiaries)
      .set({ destination })
      .where(eq(beneficiaries.id, beneficiaryId));
    expect((await approve(id)).body.code).toBe('destination_changed');
  });

  test('another amount, fee or beneficiary', async () => {
    const [first, second] = [await requested(), await requested()];
    const changes: readonly Change[] = [
      { amount: parseAmount('999') },
      { fee: parseAmount('1') },
      { beneficiaryId: second.beneficiaryId },
      { asset: 'EUR' },
    ];
    for (const change of changes) {
      const { id } = await requested();
      await tamper(id, change);
      expect((await approve(id)).body.code).toBe('approved_request_changed');
    }
    const [other] = await desk.deps.db.engine.select().from(withdrawals).where(eq(withdrawals.id, second.id));
    await tamper(first.id, { approvalId: other?.approvalId ?? null });
    expect((await approve(first.id)).body.code).toBe('approved_request_changed');
  });

  test('also when the vote is cast on the approval itself, and the vote does not count', async () => {
    const { person, id } = await requested();
    await tamper(id, { destination: await sealedFor(person, id) });
    const [row] = await desk.deps.db.engine.select().from(withdrawals).where(eq(withdrawals.id, id));
    const path = `/v1/approvals/${row?.approvalId}/approve`;
    const vote = await desk.request(desk.compliance, 'POST', path, { body: { reason: 'Unseen' } });
    expect(vote.body.code).toBe('destination_changed');
    const seen = await desk.request(desk.operations, 'GET', `/v1/withdrawals/${id}/approvals`);
    expect(seen.body.data).toMatchObject([{ status: 'pending', votes: [] }]);
  });
});

describe('what travels with coins', () => {
  async function coins(): Promise<{ readonly person: Person; readonly id: string }> {
    const person = await desk.newCustomer();
    await desk.fund(person, 'BTC', '1');
    const added = await desk.request(person, 'POST', '/v1/beneficiaries', { body: BITCOIN_BENEFICIARY });
    const { accountId } = person;
    const body = { accountId, asset: 'BTC', amount: '0.01', beneficiaryId: added.body.id, ...OWN_WALLET };
    const answer = await desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() });
    return { person, id: answer.body.id };
  }

  async function row(id: string): Promise<Withdrawal> {
    const [found] = await desk.deps.db.engine.select().from(withdrawals).where(eq(withdrawals.id, id));
    return found as Withdrawal;
  }

  test('is what the checkers decided on, at each vote and at the payout', async () => {
    const { person, id } = await coins();
    const kept = (await row(id)).travelRule;
    const key = await transact(desk.system, 'engine', (tx) => desk.deps.personKeys.of(tx, person.userId));
    const other = { ...SWAPPED, holderName: 'Somebody Else' };
    const forged = [
      sealJson(key, withdrawalPlace(id, 'travel_rule'), other),
      sealJson(key, withdrawalPlace(id), other),
    ];
    for (const travelRule of [...forged, null]) {
      await tamper(id, { travelRule });
      expect((await approve(id)).body.code).toBe('approved_request_changed');
    }
    await tamper(id, { travelRule: kept });
    expect((await approve(id)).body.status).toBe('approved');
    await tamper(id, { travelRule: forged[0] ?? null });
    expect((await act(desk.operations, id, 'process')).body.code).toBe('approved_request_changed');
    await tamper(id, { travelRule: kept });
    expect((await act(desk.operations, id, 'process')).body.status).toBe('processing');
  });

  test('stays the same when its customer is restricted and people are asked again', async () => {
    const { person, id } = await coins();
    const { travelRule: kept, approvalId } = await row(id);
    await tamper(id, { travelRule: null });
    await desk.changeGate(person, { restriction: 'no_out' });
    await transact(desk.system, 'engine', (tx) => holdOne(tx, desk.system, person.userId, id));
    const held = await row(id);
    expect([held.status, held.approvalId === approvalId]).toEqual(['under_review', false]);
    expect((await approve(id)).body.code).toBe('approved_request_changed');
    await tamper(id, { travelRule: kept });
    expect((await approve(id)).body.status).toBe('under_review');
  });

  test('is found where it is gone, and neither taken away nor written over unseen by the money login', async () => {
    const { person, id } = await coins();
    const { engine } = desk.deps.db;
    const tried = (change: SQL) =>
      engine.execute(sql`update withdrawals set ${change} where id = ${id}`).then(() => 'done', sqlStateOf);
    expect(await tried(sql`travel_rule = null`)).toBe('PL060');
    expect(await tried(sql`travel_rule = decode('00', 'hex')`)).toBe('PL061');
    const broken = async () =>
      (await desk.reconcile()).checks.flatMap(({ breaks }) => breaks.map(({ object }) => object));
    const kept = (await row(id)).travelRule;
    await tamper(id, { travelRule: null });
    expect(await broken()).toContain(`withdrawal ${id}`);
    await tamper(id, { travelRule: kept });
    expect(await broken()).not.toContain(`withdrawal ${id}`);
    expect((await act(person, id, 'cancel')).body.status).toBe('cancelled');
  });
});

describe('found at the payout', () => {
  test('a payee swapped after the approval', async () => {
    const { person, id } = await requested();
    expect((await approve(id)).body.status).toBe('approved');
    await tamper(id, { destination: await sealedFor(person, id) });
    expect((await act(desk.operations, id, 'process')).body.code).toBe('destination_changed');
  });

  test('a payee or an amount swapped while the payout is under way', async () => {
    const { person, id } = await requested();
    await approve(id);
    expect((await act(desk.operations, id, 'process')).body.status).toBe('processing');
    const [row] = await desk.deps.db.engine.select().from(withdrawals).where(eq(withdrawals.id, id));
    const complete = () => act(desk.operations, id, 'complete', { transactionReference: 'FT-9' });
    await tamper(id, { destination: await sealedFor(person, id) });
    expect((await complete()).body.code).toBe('destination_changed');
    await tamper(id, {
      destination: row?.destination as Withdrawal['destination'],
      amount: parseAmount('1'),
    });
    expect((await complete()).body.code).toBe('approved_request_changed');
    await tamper(id, { amount: parseAmount('100') });
    expect((await complete()).body.status).toBe('completed');
  });
});

test('a payout is not declared failed with other figures than its second person saw', async () => {
  const { id } = await requested();
  await approve(id);
  await act(desk.operations, id, 'process');
  const { approval } = (await act(desk.operations, id, 'fail', {})).body;
  await tamper(id, { amount: parseAmount('1') });
  const path = `/v1/approvals/${approval.id}/approve`;
  const vote = await desk.request(desk.operations2, 'POST', path, { body: { reason: 'Seen' } });
  expect(vote.body.code).toBe('approved_request_changed');
});

test('the approval itself cannot be rewritten to match', async () => {
  const { id } = await requested();
  const [row] = await desk.deps.db.engine.select().from(withdrawals).where(eq(withdrawals.id, id));
  const rewrite = async () => {
    await desk.deps.db.engine.execute(sql`update approvals set payload = '{}' where id = ${row?.approvalId}`);
  };
  expect(sqlStateOf(await rewrite().catch((error: unknown) => error))).toBe('PL007');
});
