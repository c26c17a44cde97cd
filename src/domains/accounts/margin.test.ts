import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import type { DomainError } from '../../kernel/error.ts';
import { newId } from '../../kernel/id.ts';
import { decideApproval } from '../../platform/approvals/decide-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { listContract } from '../../testing/list-contract.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../testing/trading-desk.ts';
import { users } from '../identity/schema.ts';
import { MarginOrder } from './api.ts';
import { accountsDomain, findAccount } from './index.ts';
import { areSame, lowersGuard, type MarginTerms } from './margin-terms.ts';
import { accounts } from './schema.ts';
import { type MarginChange, setMargin } from './set-margin.ts';

let desk: TradingDesk;
let granter: Trader;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file, [accountsDomain]);
  granter = await desk.newStaff('risk_manager');
});
afterAll(() => desk.close());

async function customer(riskProfile: 'conservative' | 'moderate' | 'aggressive' | null, book?: 'paper') {
  const trader = await desk.newTrader({}, book === undefined ? {} : { book });
  await desk.deps.db.engine.update(users).set({ riskProfile }).where(eq(users.id, trader.userId));
  return trader;
}

function ctxOf(person: Trader): Ctx {
  return { ...desk.ctx(person.actor), login: person.actor.kind === 'staff' ? 'staff' : 'app' };
}

function ask(person: Trader, of: Trader, change: Omit<MarginChange, 'reason'>) {
  return setMargin(ctxOf(person), of.accountId, { ...change, reason: 'I trade index contracts' });
}

function decide(person: Trader, approvalId: string | null) {
  return decideApproval(ctxOf(person), { approvalId: approvalId ?? '', vote: 'approve', reason: 'It suits' });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'accepted',
    (error: unknown) => (error as DomainError).code ?? String(error),
  );
}

/** A long position in a contract. */
async function hold(trader: Trader): Promise<void> {
  await listContract(desk.system, {}, { last: '1000' });
  await desk.engine.start();
  const other = await desk.newTrader({ USD: '10000' }, { leverage: '5' });
  await desk.place(other, 'sell 1 at 1000', { symbol: 'US500/USD' });
  const { body } = await desk.place(trader, 'buy 1 at 1000', { symbol: 'US500/USD', leverage: '5' });
  expect(await desk.later(trader, body.id)).toMatchObject({ status: 'filled' });
}

async function termsOf(trader: Trader) {
  return desk.deps.db.engine.transaction((tx) => findAccount(tx, desk.system, trader.accountId));
}

const FIVEFOLD = { marginEnabled: true, maxLeverage: '5' };

describe('margin', () => {
  test('is asked for by the customer and granted by the firm', async () => {
    const trader = await customer('moderate');
    const { status, approvalId } = await ask(trader, trader, FIVEFOLD);
    expect([status, (await termsOf(trader)).marginEnabled]).toEqual(['pending', false]);
    expect(await codeOf(decide(trader, approvalId))).not.toBe('accepted');
    await decide(granter, approvalId);
    expect(await termsOf(trader)).toMatchObject({ marginEnabled: true, maxLeverage: '5', version: 2 });
  });

  test('asked for by the firm takes another person', async () => {
    const trader = await customer('moderate');
    const { approvalId } = await ask(granter, trader, FIVEFOLD);
    expect(await codeOf(decide(granter, approvalId))).toBe('self_approval');
    await decide(await desk.newStaff('risk_manager'), approvalId);
    expect(await termsOf(trader)).toMatchObject({ marginEnabled: true });
  });

  test('is granted only as it suits, to people who may trade', async () => {
    expect(await codeOf(ask(await customer('moderate'), await customer('moderate'), FIVEFOLD))).toBe(
      'not_found',
    );
    for (const profile of [null, 'conservative'] as const) {
      const trader = await customer(profile);
      expect(await codeOf(ask(trader, trader, FIVEFOLD))).toBe('leverage_unsuitable');
      expect(await codeOf(ask(trader, trader, { marginEnabled: true }))).toBe('accepted');
    }
    const trader = await customer('moderate');
    expect(await codeOf(ask(trader, trader, { marginCallThreshold: '0.4' }))).toBe('margin_terms_invalid');
    await desk.changeGate(trader, { agreementsCurrent: false });
    expect(await codeOf(ask(trader, trader, FIVEFOLD))).toBe('agreements_outdated');
    await desk.changeGate(trader, { agreementsCurrent: true });
    const { approvalId } = await ask(trader, trader, FIVEFOLD);
    await desk.changeGate(trader, { restriction: 'frozen' });
    expect(await codeOf(decide(granter, approvalId))).toBe('account_restricted');
  });

  test('is tightened at once, and what was asked for before is not granted then', async () => {
    const trader = await customer('moderate');
    await decide(granter, (await ask(trader, trader, FIVEFOLD)).approvalId);
    const { approvalId } = await ask(trader, trader, { autoLiquidation: false });
    expect(await ask(granter, trader, { maxLeverage: '2' })).toMatchObject({ status: 'in_force' });
    expect(await ask(trader, trader, { marginCallThreshold: '0.9' })).toMatchObject({ status: 'in_force' });
    expect(await codeOf(decide(granter, approvalId))).toBe('conflict');
    expect(await termsOf(trader)).toMatchObject({
      maxLeverage: '2',
      marginCallThreshold: '0.9',
      autoLiquidation: true,
    });
  });

  test('that would close out what is open takes two people of the firm', async () => {
    const trader = await desk.newTrader({ USD: '1000' }, { leverage: '5' });
    const closeSooner = { marginCallThreshold: '1.5', liquidationThreshold: '0.99' };
    for (const change of [
      { marginCallThreshold: '900', liquidationThreshold: '800' },
      { liquidationThreshold: '1', marginCallThreshold: '1.2' },
      { marginCallThreshold: '2.1' },
    ]) {
      expect(await codeOf(ask(granter, trader, change))).toBe('margin_terms_invalid');
    }
    await hold(trader);
    const { status, approvalId } = await ask(granter, trader, closeSooner);
    expect([status, (await termsOf(trader)).liquidationThreshold]).toEqual(['pending', '0.5']);
    expect(await codeOf(decide(granter, approvalId))).toBe('self_approval');
    await decide(await desk.newStaff('risk_manager'), approvalId);
    expect(await termsOf(trader)).toMatchObject({ liquidationThreshold: '0.99' });
    expect(await ask(granter, trader, { maxLeverage: '2' })).toMatchObject({ status: 'in_force' });
    expect(await ask(trader, trader, { marginCallThreshold: '1.6' })).toMatchObject({ status: 'in_force' });
  });

  test('of a paper account is its owner’s to set', async () => {
    const trader = await customer('aggressive', 'paper');
    expect(await ask(trader, trader, { ...FIVEFOLD, autoLiquidation: false })).toMatchObject({
      status: 'in_force',
    });
  });

  test('is not lowered around the code', async () => {
    const trader = await customer('aggressive');
    const write = (change: ReturnType<typeof sql>) =>
      codeOf(desk.deps.db.engine.execute(sql`update accounts set ${change} where id = ${trader.accountId}`));
    for (const change of [
      sql`margin_enabled = true`,
      sql`max_leverage = 2`,
      sql`margin_call_threshold = 0.7`,
      sql`liquidation_threshold = 0.4`,
      sql`auto_liquidation = false`,
      sql`margin_call_threshold = 0.5`,
    ]) {
      expect(await write(change)).not.toBe('accepted');
    }
    expect(await write(sql`margin_call_threshold = 0.9`)).toBe('accepted');
  });
});

describe('what was granted', () => {
  const write = (trader: Trader, change: ReturnType<typeof sql>) =>
    codeOf(desk.deps.db.engine.execute(sql`update accounts set ${change} where id = ${trader.accountId}`));

  test('is what was asked for, and is granted once', async () => {
    const trader = await customer('aggressive');
    const first = await ask(trader, trader, FIVEFOLD);
    await decide(granter, first.approvalId);
    await ask(granter, trader, { maxLeverage: '2' });
    const second = await ask(trader, trader, { maxLeverage: '3' });
    await decide(granter, second.approvalId);
    for (const change of [
      sql`max_leverage = 5, margin_approval_id = ${first.approvalId}`,
      sql`max_leverage = 50, margin_approval_id = ${second.approvalId}`,
      sql`margin_approval_id = ${first.approvalId}`,
      sql`margin_approval_id = null`,
    ]) {
      expect(await write(trader, change)).not.toBe('accepted');
    }
    const third = await ask(trader, trader, { maxLeverage: '4' });
    expect(await write(trader, sql`max_leverage = 4, margin_approval_id = ${third.approvalId}`)).not.toBe(
      'accepted',
    );
    // One that was executed, of other terms.
    const foreign = newId();
    await desk.deps.db.engine.execute(
      sql`insert into approvals select (jsonb_populate_record(a, jsonb_build_object('id', ${foreign}::text, 'payload',
          jsonb_build_object('from', a.payload -> 'to', 'to', jsonb_set(a.payload -> 'to', '{maxLeverage}', '"4"'))))).*
        from approvals a where id = ${second.approvalId}`,
    );
    expect(await write(trader, sql`max_leverage = 50, margin_approval_id = ${foreign}`)).not.toBe('accepted');
    expect(await write(trader, sql`max_leverage = 4, margin_approval_id = ${foreign}`)).toBe('accepted');
  });

  test('is nothing that an account is opened with, and an account keeps its type', async () => {
    const trader = await customer('aggressive');
    expect(await write(trader, sql`type = 'paper'`)).not.toBe('accepted');
    const open = (terms: Partial<typeof accounts.$inferInsert>) =>
      codeOf(
        transact(ctxOf(trader), 'app', (tx) =>
          tx.insert(accounts).values({
            id: newId(),
            userId: trader.userId,
            type: 'live',
            name: 'Another',
            baseCurrency: 'USD',
            status: 'active',
            createdAt: desk.deps.clock.now(),
            updatedAt: desk.deps.clock.now(),
            ...terms,
          }),
        ),
      );
    expect(await open({ marginEnabled: true })).not.toBe('accepted');
    expect(await open({ maxLeverage: '100' })).not.toBe('accepted');
    expect(await open({ liquidationThreshold: '0.1' })).not.toBe('accepted');
    expect(await open({})).toBe('accepted');
  });
});

describe('terms that lower a guard', () => {
  const STANDING: MarginTerms = {
    marginEnabled: true,
    maxLeverage: '5',
    marginCallThreshold: '0.8',
    liquidationThreshold: '0.5',
    autoLiquidation: true,
  };
  const table = [
    [{ maxLeverage: '5.1' }, true],
    [{ maxLeverage: '4.9' }, false],
    [{ marginEnabled: false }, false],
    [{ marginCallThreshold: '0.79' }, true],
    [{ liquidationThreshold: '0.49' }, true],
    [{ liquidationThreshold: '0.51' }, false],
    [{ autoLiquidation: false }, true],
    [{ maxLeverage: '1', autoLiquidation: false }, true],
  ] as const;
  test('are asked for by naming at least one', () => {
    expect(MarginOrder.safeParse({ reason: 'I trade more' }).success).toBe(false);
    expect(MarginOrder.safeParse({ reason: 'I trade more', autoLiquidation: false }).success).toBe(true);
  });

  test('whose figures end in other zeros are the same, and others are not', () => {
    const padded = {
      maxLeverage: '5.000000',
      marginCallThreshold: '0.800000',
      liquidationThreshold: '0.500000',
    };
    expect(areSame({ ...STANDING, ...padded }, STANDING)).toBe(true);
    for (const [change] of table) {
      expect(areSame(STANDING, { ...STANDING, ...change })).toBe(false);
    }
  });

  for (const [change, lowers] of table) {
    test(`${JSON.stringify(change)}: ${lowers ? 'granted' : 'at once'}`, () => {
      expect(lowersGuard(STANDING, { ...STANDING, ...change })).toBe(lowers);
    });
  }
});
