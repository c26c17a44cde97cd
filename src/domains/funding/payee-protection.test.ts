/** What somebody who can write the tables, even as their owner, still cannot do unnoticed. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { parseAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { sealJson } from '../../platform/crypto/seal.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { transact } from '../../platform/db/transact.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { beneficiaryPlace, type Destination, destinationHash, withdrawalPlace } from './destination.ts';
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
