import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { and, eq, inArray, sql } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { auditLogs, outbox } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type Foundation, startFoundation } from '../../../testing/foundation.ts';
import { ledgerChecks } from '../checks.ts';
import { expireHolds } from '../expire-holds.ts';
import { createHold, releaseHold } from '../holds.ts';
import { lockWallets } from '../lock-wallets.ts';
import { reconcile } from '../reconcile.ts';
import { lockSpendable } from '../release-expired.ts';
import { holds, wallets } from '../schema.ts';
import { type LedgerTable, startLedgerTable } from '../testing/ledger-table.ts';

const HOUR_MS = 3_600_000;

let base: Foundation;
let ledger: LedgerTable;

beforeAll(async () => {
  base = await startFoundation(import.meta.file, []);
  ledger = await startLedgerTable(base.system);
});

afterEach(async () => {
  const report = await reconcile(base.system, ledgerChecks);
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

afterAll(() => base.close());

/** A wallet with ten dollars. */
async function walletNamed(name: string): Promise<Id> {
  await ledger.run(`post  deposit  ${name}.USD  +10  bank.USD  -10`);
  return (await ledger.wallet(`${name}.USD`)).id;
}

function hold(walletId: Id, endsInMs: number | null, amount = '1') {
  return transact(base.system, 'engine', (tx) =>
    createHold(tx, base.system, {
      walletId,
      amount: parseAmount(amount),
      reason: 'payment',
      referenceType: 'test',
      referenceId: newId(),
      expiresAt: endsInMs === null ? undefined : addMs(base.deps.clock.now(), endsInMs),
    }),
  );
}

async function tracesOf(ids: readonly string[]): Promise<{ readonly rows: number; readonly events: number }> {
  const { engine } = base.deps.db;
  const rows = await engine
    .select()
    .from(auditLogs)
    .where(and(eq(auditLogs.eventType, 'hold.expired'), inArray(auditLogs.resourceId, [...ids])));
  const events = await engine
    .select()
    .from(outbox)
    .where(and(eq(outbox.type, 'ledger.hold_expired'), inArray(sql`${outbox.data} ->> 'holdId'`, [...ids])));
  expect(events.every(({ customerVisible, userId }) => customerVisible && userId !== null)).toBe(true);
  return { rows: rows.length, events: events.length };
}

test('the job ends what is over on many wallets, leaves the rest, and tells of each once', async () => {
  const walletIds: Id[] = [];
  for (let index = 0; index < 130; index += 1) {
    walletIds.push(await walletNamed(`many${index}`));
  }
  const over: string[] = [];
  for (const walletId of walletIds) {
    over.push((await hold(walletId, HOUR_MS)).id, (await hold(walletId, 2 * HOUR_MS)).id);
  }
  const [kept = ''] = walletIds;
  const later = await hold(kept, 9 * HOUR_MS, '3');
  const endless = await hold(kept, null, '2');
  base.advance(2 * HOUR_MS);
  expect(await expireHolds(base.system)).toBe(130);
  expect(await expireHolds(base.system)).toBe(0);
  const rows = await base.deps.db.engine.select().from(holds).where(inArray(holds.id, over));
  expect(
    rows.every(({ status, remaining, closedAt }) => status === 'expired' && remaining === 0n && closedAt),
  ).toBe(true);
  expect(await tracesOf(over)).toEqual({ rows: 260, events: 260 });
  expect(await tracesOf([later.id, endless.id])).toEqual({ rows: 0, events: 0 });
  await ledger.run('wallet  many0.USD  10  5  5');
  await ledger.run('wallet  many1.USD  10  0  10');
});

test('the job passes over a wallet that a verb holds, and ends its holds the next time', async () => {
  const [busy, free] = [await walletNamed('busy'), await walletNamed('free')];
  const [stuck, ended] = [await hold(busy, HOUR_MS), await hold(free, HOUR_MS)];
  base.advance(HOUR_MS);
  await transact(base.system, 'engine', async (tx) => {
    await lockWallets(tx, [busy]);
    expect(await expireHolds(base.system)).toBe(1);
  });
  expect(await tracesOf([stuck.id, ended.id])).toEqual({ rows: 1, events: 1 });
  expect(await expireHolds(base.system)).toBe(1);
  expect(await tracesOf([stuck.id, ended.id])).toEqual({ rows: 2, events: 2 });
});

test('jobs, verbs and releases at the same moment end each hold once and free its funds once', async () => {
  const walletIds: Id[] = [];
  for (const name of ['r1', 'r2', 'r3', 'r4']) {
    walletIds.push(await walletNamed(name));
  }
  const made: string[] = [];
  for (const walletId of walletIds) {
    for (let index = 0; index < 5; index += 1) {
      made.push((await hold(walletId, HOUR_MS)).id);
    }
  }
  base.advance(HOUR_MS);
  const release = (id: string) => transact(base.system, 'engine', (tx) => releaseHold(tx, base.system, id));
  const ask = (ids: readonly Id[]) =>
    transact(base.system, 'engine', (tx) => lockSpendable(tx, base.system, ids));
  await Promise.all([
    expireHolds(base.system),
    ask([...walletIds].reverse()),
    ...made.filter((_, index) => index % 3 === 0).map(release),
    ask(walletIds.slice(1)),
    expireHolds(base.system),
  ]);
  await expireHolds(base.system);
  const rows = await base.deps.db.engine.select().from(holds).where(inArray(holds.id, made));
  expect(rows.every(({ status }) => status === 'expired' || status === 'released')).toBe(true);
  expect((await tracesOf(made)).rows).toBe(rows.filter(({ status }) => status === 'expired').length);
  const kept = await base.deps.db.engine.select().from(wallets).where(inArray(wallets.id, walletIds));
  expect(kept.filter(({ reserved }) => reserved !== 0n)).toEqual([]);
  expect(kept).toHaveLength(4);
});

test('what was locked to be spent is told without what expired holds reserved', async () => {
  const walletId = await walletNamed('seen');
  await hold(walletId, HOUR_MS, '4');
  await hold(walletId, null, '3');
  base.advance(HOUR_MS);
  const locked = await transact(base.system, 'engine', (tx) => lockSpendable(tx, base.system, [walletId]));
  expect(locked.get(walletId)?.reserved).toBe(parseAmount('3'));
  await ledger.run('wallet  seen.USD  10  3  7');
});
