import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { parseAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { transact } from '../../platform/db/transact.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { heldOn } from '../../testing/held-on.ts';
import { holds, journals } from '../ledger/schema.ts';
import { personalFunding } from './personal-data.ts';
import { deposits, fundingLimits, withdrawals } from './schema.ts';
import { seedFundingLimits } from './seed-funding-limits.ts';

let desk: FundingDesk;
let customer: Person;
let completedId: string;
let openId: string;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  customer = await desk.newCustomer();
  await desk.fund(customer, 'USD', '1000');
  const added = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  const { accountId } = customer;
  const body = { accountId, asset: 'USD', amount: '100', beneficiaryId: added.body.id };
  const withdraw = () =>
    desk.request(customer, 'POST', '/v1/withdrawals', {
      body: { ...body, confirmDuplicate: true },
      key: newId(),
    });
  completedId = (await withdraw()).body.id;
  openId = (await withdraw()).body.id;
  const path = `/v1/withdrawals/${completedId}`;
  await desk.request(desk.compliance, 'POST', `${path}/approve`, { body: { reason: 'Looked at it' } });
  await desk.request(desk.operations, 'POST', `${path}/process`);
  await desk.request(desk.operations, 'POST', `${path}/complete`, { body: { transactionReference: 'FT-1' } });
});

afterAll(async () => {
  await desk.close();
});

async function broken(): Promise<readonly string[]> {
  const report = await desk.reconcile();
  return report.checks.filter((check) => check.breaks.length > 0).map((check) => check.name);
}

type Change = (tx: Parameters<Parameters<typeof transact>[2]>[0]) => Promise<unknown>;

/** Plants a break with the money login and takes it back. */
async function planted(plant: Change, restore: Change): Promise<readonly string[]> {
  await transact(desk.system, 'engine', plant);
  const found = await broken();
  await transact(desk.system, 'engine', restore);
  return found;
}

test('a clean book has no breaks, and every check saw something', async () => {
  const report = await desk.reconcile();
  expect(report.breakCount).toBe(0);
  const ours = report.checks.filter((check) => check.name.startsWith('funding.'));
  expect(ours.filter((check) => check.seen === 0).map((check) => check.name)).toEqual([]);
});

test('a deposit marked cleared without a journal is found', async () => {
  const [row] = await desk.deps.db.engine.select().from(deposits);
  const fake = { ...(row as typeof deposits.$inferInsert), id: newId(), paymentReference: 'RF-fake' };
  const found = await planted(
    (tx) => tx.insert(deposits).values({ ...fake, journalId: newId(), approvalId: null }),
    (tx) => tx.update(deposits).set({ status: 'failed', journalId: null }).where(eq(deposits.id, fake.id)),
  );
  expect(found).toEqual(['funding.deposits_match_journals', 'funding.money_passed_four_eyes']);
  expect(await broken()).toEqual([]);
});

test('a credit whose deposit does not know of it is found', async () => {
  const [row] = await desk.deps.db.engine.select().from(deposits).where(eq(deposits.status, 'cleared'));
  const { id, journalId } = row as typeof deposits.$inferSelect;
  const found = await planted(
    (tx) => tx.update(deposits).set({ status: 'pending', journalId: null }).where(eq(deposits.id, id)),
    (tx) => tx.update(deposits).set({ status: 'cleared', journalId }).where(eq(deposits.id, id)),
  );
  expect(found).toEqual(['funding.deposits_match_journals']);
});

test('a payout booked for a withdrawal that is not completed is found', async () => {
  const { engine } = desk.deps.db;
  const [row] = await engine.select().from(withdrawals).where(eq(withdrawals.id, completedId));
  const journalId = row?.journalId ?? null;
  const found = await planted(
    (tx) =>
      tx
        .update(withdrawals)
        .set({ status: 'failed', journalId: null })
        .where(eq(withdrawals.id, completedId)),
    (tx) =>
      tx.update(withdrawals).set({ status: 'completed', journalId }).where(eq(withdrawals.id, completedId)),
  );
  expect(found).toEqual(['funding.withdrawals_match_journals', 'funding.money_passed_four_eyes']);
  const booked = await engine.select().from(journals).where(eq(journals.referenceId, completedId));
  expect(booked).toHaveLength(1);
});

test('a withdrawal that waits without its hold, and a hold without its withdrawal, are found', async () => {
  const wrongAmount = await planted(
    (tx) => tx.update(withdrawals).set({ holdId: null }).where(eq(withdrawals.id, openId)),
    async (tx) => {
      const [hold] = await tx.select().from(holds).where(eq(holds.referenceId, openId));
      await tx
        .update(withdrawals)
        .set({ holdId: hold?.id ?? null })
        .where(eq(withdrawals.id, openId));
    },
  );
  expect(wrongAmount).toEqual(['funding.open_withdrawals_are_reserved']);
  const orphan = await planted(
    (tx) => tx.update(withdrawals).set({ status: 'cancelled' }).where(eq(withdrawals.id, openId)),
    (tx) => tx.update(withdrawals).set({ status: 'pending' }).where(eq(withdrawals.id, openId)),
  );
  expect(orphan).toEqual(['funding.open_withdrawals_are_reserved']);
});

test('a withdrawal that moved on without its checkers is found', async () => {
  const found = await planted(
    (tx) => tx.update(withdrawals).set({ status: 'processing' }).where(eq(withdrawals.id, openId)),
    (tx) => tx.update(withdrawals).set({ status: 'pending' }).where(eq(withdrawals.id, openId)),
  );
  expect(found).toEqual(['funding.money_passed_four_eyes']);
});

test("a person's export holds their payees in the clear and nothing of the firm's", async () => {
  const exported = await heldOn(desk.system, personalFunding, customer.userId);
  const text = JSON.stringify(exported, (_key, value) => (typeof value === 'bigint' ? `${value}` : value));
  expect(text).toContain('MU17BOMM0101101030300200000MUR');
  expect(text).not.toContain('Looked at it');
  expect(exported).toMatchObject({ beneficiaries: [{}], withdrawals: [{ id: completedId }, { id: openId }] });
});

test('seeding limits again changes none that is there', async () => {
  const limit = {
    kycLevel: 'standard',
    asset: 'USD',
    direction: 'withdrawal',
    method: 'bank_transfer',
    windowHours: 24,
  } as const;
  const before = await desk.deps.db.engine.select().from(fundingLimits);
  await transact(desk.system, 'engine', (tx) =>
    seedFundingLimits(tx, desk.system, [{ ...limit, maximum: parseAmount('999999') }]),
  );
  expect(await desk.deps.db.engine.select().from(fundingLimits)).toEqual(before);
});

test('a payout settled or set free without what allows it is found', async () => {
  const { engine } = desk.deps.db;
  const [row] = await engine.select().from(withdrawals).where(eq(withdrawals.id, completedId));
  const its = eq(withdrawals.id, completedId);
  const resolved = await planted(
    (tx) =>
      tx
        .update(withdrawals)
        .set({ resolutionId: row?.approvalId ?? null })
        .where(its),
    (tx) => tx.update(withdrawals).set({ resolutionId: null }).where(its),
  );
  expect(resolved).toEqual(['funding.money_passed_four_eyes']);
  const journalId = row?.journalId ?? null;
  const freed = await planted(
    (tx) => tx.update(withdrawals).set({ status: 'failed', journalId: null }).where(its),
    (tx) => tx.update(withdrawals).set({ status: 'completed', journalId }).where(its),
  );
  expect(freed).toContain('funding.money_passed_four_eyes');
  expect(await broken()).toEqual([]);
});
