import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, isNotNull, type SQL, sql } from 'drizzle-orm';
import { parseAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { transact } from '../../platform/db/transact.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { heldOn } from '../../testing/held-on.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { holds, journals } from '../ledger/schema.ts';
import { personalFunding } from './personal-data.ts';
import { type DepositStatus, depositMayBecome, type WithdrawalStatus, withdrawalMayBecome } from './rules.ts';
import {
  clearingPeriods,
  depositStatus,
  deposits,
  fundingLimits,
  withdrawalStatus,
  withdrawals,
} from './schema.ts';
import { seedFundingLimits } from './seed-funding-limits.ts';

let desk: FundingDesk;
let customer: Person;
let completedId: string;
let openId: string;
let beneficiaryId: string;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  customer = await desk.newCustomer();
  await desk.fund(customer, 'USD', '1000');
  const added = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  beneficiaryId = added.body.id;
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

function withdraw(person = customer, payee = beneficiaryId) {
  const { accountId } = person;
  const body = { accountId, asset: 'USD', amount: '100', beneficiaryId: payee, confirmDuplicate: true };
  return desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() });
}

async function broken(): Promise<readonly string[]> {
  const report = await desk.reconcile();
  return report.checks.filter((check) => check.breaks.length > 0).map((check) => check.name);
}

type Change = (tx: Parameters<Parameters<typeof transact>[2]>[0]) => Promise<unknown>;

/** Plants a break behind what guards a table and takes it back. */
async function planted(table: string, plant: Change, restore: Change): Promise<readonly string[]> {
  await writeUnguarded(desk.database, table, plant);
  const found = await broken();
  await writeUnguarded(desk.database, table, restore);
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
    'deposits',
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
    'deposits',
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
    'withdrawals',
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
  const [hold] = await desk.deps.db.engine.select().from(holds).where(eq(holds.referenceId, openId));
  const wrongAmount = await planted(
    'withdrawals',
    (tx) => tx.update(withdrawals).set({ holdId: null }).where(eq(withdrawals.id, openId)),
    (tx) =>
      tx
        .update(withdrawals)
        .set({ holdId: hold?.id ?? null })
        .where(eq(withdrawals.id, openId)),
  );
  expect(wrongAmount).toEqual(['funding.open_withdrawals_are_reserved']);
  const orphan = await planted(
    'withdrawals',
    (tx) => tx.update(withdrawals).set({ status: 'cancelled' }).where(eq(withdrawals.id, openId)),
    (tx) => tx.update(withdrawals).set({ status: 'pending' }).where(eq(withdrawals.id, openId)),
  );
  expect(orphan).toEqual(['funding.open_withdrawals_are_reserved']);
});

test('a withdrawal that moved on without its checkers is found', async () => {
  const found = await planted(
    'withdrawals',
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
    'withdrawals',
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
    'withdrawals',
    (tx) => tx.update(withdrawals).set({ status: 'failed', journalId: null }).where(its),
    (tx) => tx.update(withdrawals).set({ status: 'completed', journalId }).where(its),
  );
  expect(freed).toContain('funding.money_passed_four_eyes');
  expect(await broken()).toEqual([]);
});

/** What the database says to the money login. */
async function refused(statement: SQL): Promise<string | undefined> {
  return desk.deps.db.engine
    .transaction((tx) => tx.execute(statement))
    .then(
      () => 'done',
      (error: unknown) => sqlStateOf(error),
    );
}

type Agree = (path: string, body: object) => Promise<string>;

/** Has two people set terms. @shape the approval */
async function newAgreement(): Promise<Agree> {
  const [officer, mlro] = [await desk.newStaff('compliance_officer'), await desk.newStaff('mlro')];
  return async (path, body) => {
    const asked = await desk.request(officer, 'POST', path, { body: { ...body, reason: 'New terms' } });
    const id = asked.body.approval.id;
    const vote = await desk.request(mlro, 'POST', `/v1/approvals/${id}/approve`, {
      body: { reason: 'Agreed' },
    });
    expect(vote.status).toBe(200);
    return id;
  };
}

/** A limit raised, one gone, a period shortened, and an approval forgotten. */
async function plantedTerms(): Promise<readonly (readonly string[])[]> {
  const its = eq(fundingLimits.method, 'mcb_juice');
  const [before] = await desk.deps.db.engine
    .select()
    .from(fundingLimits)
    .where(and(its, isNotNull(fundingLimits.approvalId)));
  const same = eq(fundingLimits.id, before?.id as string);
  const raised = await planted(
    'funding_limits',
    (tx) =>
      tx
        .update(fundingLimits)
        .set({ maximum: parseAmount('90000') })
        .where(same),
    (tx) =>
      tx
        .update(fundingLimits)
        .set({ maximum: parseAmount('100') })
        .where(same),
  );
  const gone = await planted(
    'funding_limits',
    (tx) => tx.delete(fundingLimits).where(same),
    (tx) => tx.insert(fundingLimits).values(before as typeof fundingLimits.$inferInsert),
  );
  const shortened = await planted(
    'clearing_periods',
    (tx) => tx.update(clearingPeriods).set({ days: 0 }).where(eq(clearingPeriods.method, 'card')),
    (tx) => tx.update(clearingPeriods).set({ days: 9 }).where(eq(clearingPeriods.method, 'card')),
  );
  const seeded = await planted(
    'funding_limits',
    (tx) => tx.update(fundingLimits).set({ approvalId: null }).where(same),
    (tx) =>
      tx
        .update(fundingLimits)
        .set({ approvalId: before?.approvalId ?? null })
        .where(same),
  );
  return [raised, gone, shortened, seeded];
}

describe('whoever has the money login', () => {
  test('moves a withdrawal no other way than the product, whose table of states the database knows', async () => {
    const rows = await desk.deps.db.engine.execute<{
      was: WithdrawalStatus;
      becomes: WithdrawalStatus;
      may: boolean;
    }>(
      sql`select a.s as was, b.s as becomes, withdrawal_may_become(a.s, b.s) as may
        from unnest(${sql.param([...withdrawalStatus.enumValues])}::text[]) as a (s),
          unnest(${sql.param([...withdrawalStatus.enumValues])}::text[]) as b (s)`,
    );
    expect(rows).toHaveLength(81);
    // Reviewed anew once its customer was restricted: the one status that follows itself.
    const differs = rows.filter(({ was, becomes, may }) => may !== withdrawalMayBecome(was, becomes));
    expect(differs.map(({ was, becomes }) => [was, becomes])).toEqual([['under_review', 'under_review']]);
  });

  test('gives a withdrawal no status that nothing lets it have, and changes nothing of what it says', async () => {
    const [row] = await desk.deps.db.engine.select().from(withdrawals).where(eq(withdrawals.id, completedId));
    const journalId = row?.journalId;
    const forged = [
      sql`status = 'completed', version = version + 1, journal_id = ${journalId}`,
      sql`status = 'approved', version = version + 1`,
      sql`status = 'cancelled', version = version + 1`,
      sql`status = 'rejected', version = version + 1`,
      sql`status = 'under_review', version = version + 1, approval_id = ${row?.approvalId}`,
      sql`amount = amount + 1`,
      sql`beneficiary_id = gen_random_uuid()`,
      sql`destination_hash = decode(repeat('00', 32), 'hex')`,
      sql`approval_id = ${row?.approvalId}`,
      sql`hold_id = null`,
      sql`payout_reference = 'MINE'`,
    ];
    for (const change of forged) {
      expect(await refused(sql`update withdrawals set ${change} where id = ${openId}`)).toBe('PL060');
    }
    const again = sql`update withdrawals set status = 'failed', version = version + 1, journal_id = null`;
    expect(await refused(sql`${again} where id = ${completedId}`)).toBe('PL060');
    const copied = sql`insert into withdrawals select (jsonb_populate_record(w, jsonb_build_object('id',
      gen_random_uuid(), 'status', 'approved', 'payout_reference', null))).* from withdrawals w where w.id = ${openId}`;
    expect(await refused(copied)).toBe('PL060');
  });

  test('credits, ages and proves a deposit no other way than the product does', async () => {
    const rows = await desk.deps.db.engine.execute<{
      was: DepositStatus;
      becomes: DepositStatus;
      may: boolean;
    }>(
      sql`select a.s as was, b.s as becomes, deposit_may_become(a.s, b.s) as may
        from unnest(${sql.param([...depositStatus.enumValues])}::text[]) as a (s),
          unnest(${sql.param([...depositStatus.enumValues])}::text[]) as b (s)`,
    );
    expect(rows.filter(({ was, becomes, may }) => may !== depositMayBecome(was, becomes))).toEqual([]);
    const [cleared] = await desk.deps.db.engine
      .select()
      .from(deposits)
      .where(eq(deposits.userId, customer.userId));
    const { body: announced } = await desk.request(customer, 'POST', '/v1/deposits', {
      body: { accountId: customer.accountId, asset: 'USD', amount: '1000', method: 'other' },
      key: newId(),
    });
    const next = sql`version = version + 1`;
    const proof = sql`journal_id = ${cleared?.journalId}, approval_id = ${cleared?.approvalId}`;
    const forged: readonly (readonly [string | undefined, SQL])[] = [
      [announced.id, sql`status = 'cleared', ${proof}, ${next}`],
      [announced.id, sql`amount = 100000, ${next}`],
      [announced.id, sql`amount = 100000`],
      [cleared?.id, sql`status = 'pending', ${next}`],
      [cleared?.id, sql`approval_id = null, ${next}`],
      [cleared?.id, sql`settlement_date = '2020-01-01', ${next}`],
      [cleared?.id, sql`unsettled = 1, ${next}`],
    ];
    for (const [id, change] of forged) {
      expect(await refused(sql`update deposits set ${change} where id = ${id}`)).toBe('PL060');
    }
    const unseen = sql`update deposits set status = 'failed', ${next} where id = ${announced.id}`;
    expect(await refused(unseen)).toBe('PL061');
    const copied = sql`insert into deposits select (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid(),
      'payment_reference', 'RF-mine', 'version', 1))).* from deposits d where d.id = ${cleared?.id}`;
    expect(await refused(copied)).toBe('PL060');
  });

  test('moves a withdrawal, or seeds terms, not without a row of the audit log', async () => {
    const somebody = await desk.newCustomer();
    await desk.fund(somebody, 'USD', '1000');
    const added = await desk.request(somebody, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
    const other = (await withdraw(somebody, added.body.id)).body.id;
    const path = `/v1/withdrawals/${other}`;
    await desk.request(desk.compliance, 'POST', `${path}/approve`, { body: { reason: 'Looked at it' } });
    await desk.request(desk.operations, 'POST', `${path}/process`);
    const unknown = sql`update withdrawals set status = 'unknown', version = version + 1 where id = ${other}`;
    expect(await refused(unknown)).toBe('PL061');
    expect(
      await refused(sql`insert into funding_limits (id, kyc_level, asset, direction, method, window_hours, maximum, created_at)
        values (gen_random_uuid(), 'enhanced', 'USD', 'withdrawal', 'bank_transfer', 24, 1000000, now())`),
    ).toBe('PL061');
    expect(
      await refused(sql`insert into bank_accounts (id, iban, currency, house_reference, name, created_at)
        values (gen_random_uuid(), 'GB29NWBK60161331926819', 'USD', 'mine', 'Mine', now())`),
    ).toBe('PL061');
  });

  test('sets no terms that two people did not, and none they agreed to before the last', async () => {
    const agree = await newAgreement();
    const key = {
      kycLevel: 'standard',
      asset: 'USD',
      direction: 'withdrawal',
      method: 'mcb_juice',
      windowHours: 24,
    };
    const high = await agree('/v1/funding/limits', { ...key, maximum: '90000' });
    await agree('/v1/funding/limits', { ...key, maximum: '100' });
    const long = await agree('/v1/funding/clearing-periods', { method: 'card', days: 0 });
    await agree('/v1/funding/clearing-periods', { method: 'card', days: 9 });
    const limit = sql`where method = 'mcb_juice' and window_hours = 24 and kyc_level = 'standard'`;
    const tried = [
      sql`update funding_limits set maximum = 90000 ${limit}`,
      sql`update funding_limits set maximum = 90000, approval_id = ${high} ${limit}`,
      sql`update funding_limits set maximum = 90000, approval_id = null ${limit}`,
      sql`update clearing_periods set days = 0 where method = 'card'`,
      sql`update clearing_periods set days = 0, approval_id = ${long} where method = 'card'`,
    ];
    for (const statement of tried) {
      expect(await refused(statement)).toBe('PL061');
    }
    for (const statement of [
      sql`delete from funding_limits ${limit}`,
      sql`update funding_limits set method = 'other' ${limit}`,
      sql`update bank_accounts set iban = 'GB29NWBK60161331926819'`,
      sql`delete from bank_accounts`,
    ]) {
      expect(await refused(statement)).toBe('42501');
    }
    // Nor does their owner, unseen.
    const found = ['funding.terms_were_set_by_two'];
    expect(await plantedTerms()).toEqual([found, found, found, found]);
    expect(await broken()).toEqual([]);
  });
});
