import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { buildDeps } from '../../../deps.ts';
import { parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { DomainError } from '../../../kernel/error.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Ctx, Deps } from '../../../platform/context.ts';
import { type CuttingProxy, startCuttingProxy } from '../../../testing/cutting-proxy.ts';
import { TEST_ROOT_KEYS, TEST_SETTINGS } from '../../../testing/foundation.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { accounts } from '../../accounts/schema.ts';
import { ledgerDomain } from '../index.ts';
import { transfers } from '../schema.ts';
import { transferFunds } from './transfer-funds.ts';

let desk: TradingDesk;
let proxy: CuttingProxy;
/** A process whose money connection runs through the proxy. */
let far: Deps;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  const { connections } = desk.database;
  proxy = await startCuttingProxy(connections.engine);
  far = buildDeps({
    mode: 'sandbox',
    dataDir: desk.deps.dataDir,
    connections: { ...connections, engine: proxy.connection },
    pools: { app: 1, staff: 1, engine: 1 },
    rootKeys: TEST_ROOT_KEYS,
    log: desk.deps.log,
    wakeRelay: () => {},
    domains: [ledgerDomain],
    settings: TEST_SETTINGS,
    clock: desk.deps.clock,
  });
});
afterAll(async () => {
  await far.mail.stop();
  await far.db.close();
  await proxy.close();
  await desk.close();
});

async function openAccount(trader: Trader): Promise<Id> {
  const [of] = await desk.deps.db.engine.select().from(accounts).where(eq(accounts.id, trader.accountId));
  const account = { ...present(of, 'the account of a trader'), id: newId(), name: 'Other' };
  await desk.deps.db.engine.insert(accounts).values(account);
  return account.id;
}

test('a commit whose answer was lost is told as unknown, and its key tells what became of it', async () => {
  const trader = await desk.newTrader({ USD: '100' });
  const to = await openAccount(trader);
  const transfer = {
    fromAccountId: trader.accountId,
    toAccountId: to,
    asset: 'USD',
    amount: parseAmount('10'),
  };
  const ctxOf = (deps: Deps, idempotencyKey: string): Ctx => ({
    ...desk.ctx(trader.actor),
    deps,
    idempotencyKey,
  });
  // The process has met all of them, and its connection has planned the statement: one message, one answer.
  await transferFunds(ctxOf(far, newId()), transfer);
  await transferFunds(ctxOf(far, newId()), transfer);
  const key = newId();
  proxy.cutNextAnswer();
  const lost = await transferFunds(ctxOf(far, key), transfer).catch((error: unknown) => error);
  expect(lost).toBeInstanceOf(DomainError);
  expect([(lost as DomainError).code, (lost as DomainError).definition.status]).toEqual(['unavailable', 503]);
  const stored = async () => {
    const rows = await desk.deps.db.engine
      .select()
      .from(transfers)
      .where(eq(transfers.userId, trader.userId));
    return rows.filter((row) => row.idempotencyKey === key);
  };
  const [made] = await stored();
  const told = await transferFunds(ctxOf(far, key), transfer);
  expect(told).toEqual({ transfer: present(made, 'the lost one took effect'), replayed: true });
  expect((await stored()).length).toBe(1);
  expect(await desk.balance(trader, 'USD')).toStartWith('70');
});

test('all of a batch hear that its outcome is unknown, none a refusal, and one effect is left', async () => {
  const trader = await desk.newTrader({ USD: '100' });
  const to = await openAccount(trader);
  const transfer = {
    fromAccountId: trader.accountId,
    toAccountId: to,
    asset: 'USD',
    amount: parseAmount('1'),
  };
  await transferFunds({ ...desk.ctx(trader.actor), deps: far, idempotencyKey: newId() }, transfer);
  const key = newId();
  proxy.cutNextAnswer();
  const answers = await Promise.allSettled(
    Array.from({ length: 8 }, () =>
      transferFunds({ ...desk.ctx(trader.actor), deps: far, idempotencyKey: key }, transfer),
    ),
  );
  const codes = answers.map((answer) =>
    answer.status === 'fulfilled' ? 'answered' : (answer.reason as DomainError).code,
  );
  expect(codes.every((code) => code === 'unavailable' || code === 'answered')).toBe(true);
  expect(codes).toContain('unavailable');
  await transferFunds({ ...desk.ctx(trader.actor), deps: far, idempotencyKey: key }, transfer);
  expect(await desk.balance(trader, 'USD')).toStartWith('98');
});
