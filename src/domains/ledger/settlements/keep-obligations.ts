import { sql } from 'drizzle-orm';
import { amountOf, formatAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, arrayParameter, insertRows } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { readColumns } from '../../../platform/db/read-columns.ts';
import { type OpenObligation, type OwnFunds, planObligations, type TradedSide } from './plan-obligations.ts';
import { settlementObligations } from './schema.ts';

/**
 * Keeps what sides of trades brought unsettled until its day, and what they paid with before it was settled.
 * Every wallet is locked by the caller, and `fundsOf` says what it was locked with: only where something is unsettled
 * is it looked for.
 * @units today: YYYY-MM-DD of the firm
 * @effects `settlement_obligations`, and by its trigger `wallets.unsettled`
 * @shape when what each side brought settles, by fill; missing where it did at once
 */
export async function keepObligations(
  tx: Tx,
  ctx: Ctx,
  sides: readonly TradedSide[],
  { today, fundsOf }: { readonly today: string; readonly fundsOf: (walletId: Id) => LockedFunds },
): Promise<ReadonlyMap<Id, string>> {
  const paying = new Map<Id, bigint>();
  for (const { paysFrom, pays } of sides) {
    if (fundsOf(paysFrom).unsettled > 0n) {
      paying.set(paysFrom, (paying.get(paysFrom) ?? 0n) + pays);
    }
  }
  const open = await openObligations(tx, paying);
  const funds = await ownFunds(tx, paying, open, fundsOf);
  const plan = planObligations(open, sides, today, funds);
  if (plan.used.size > 0) {
    await use(tx, plan.used);
  }
  const createdAt = ctx.deps.clock.now();
  await insertRows(
    tx,
    settlementObligations,
    plan.made.map((obligation) => ({ ...obligation, createdAt, settledAt: null })),
  );
  return plan.settlesOn;
}

/** What a wallet was locked with. @units settled: less what anything but the orders that trade has reserved */
export type LockedFunds = { readonly unsettled: bigint; readonly settled: bigint };

/** Deposits are asked for only where a wallet pays more than it has settled and from trades. */
async function ownFunds(
  tx: Tx,
  paying: ReadonlyMap<Id, bigint>,
  open: readonly OpenObligation[],
  fundsOf: (walletId: Id) => LockedFunds,
): Promise<ReadonlyMap<Id, OwnFunds>> {
  const traded = Map.groupBy(open, ({ walletId }) => walletId);
  const beyond = [...paying].flatMap(([walletId, pays]) => {
    const brought = (traded.get(walletId) ?? []).reduce((sum, { left }) => sum + left, 0n);
    return pays > brought + fundsOf(walletId).settled ? [walletId] : [];
  });
  const days = beyond.length === 0 ? new Map<Id, string>() : await depositsSettleOn(tx, beyond);
  return new Map(
    [...paying.keys()].map((walletId) => {
      const { settled } = fundsOf(walletId);
      const day = days.get(walletId) ?? null;
      return [walletId, { settled: settled > 0n ? settled : 0n, depositsSettleOn: day }];
    }),
  );
}

/** When the last deposit of each wallet can no longer be called back; one without any is missing. */
async function depositsSettleOn(tx: Tx, walletIds: readonly Id[]): Promise<ReadonlyMap<Id, string>> {
  const wanted = sql.param(arrayParameter('uuid', walletIds));
  const rows = await executePrepared<{ readonly wallet_id: Id; readonly day: string }>(
    tx,
    sql`select wallet_id, day from deposits_settle_on(${wanted}::uuid[])`,
  );
  return new Map(rows.map(({ wallet_id, day }) => [wallet_id, day]));
}

/** How many a wallet is asked for at first: most trades use one or two. */
const FIRST_OBLIGATIONS = 50;

/**
 * As many of the obligations that each wallet would use first as cover what it pays: who trades all day has
 * thousands.
 */
async function openObligations(tx: Tx, paying: ReadonlyMap<Id, bigint>): Promise<readonly OpenObligation[]> {
  const first = await readOpen(tx, [...paying.keys()], FIRST_OBLIGATIONS);
  const found = Map.groupBy(first, ({ walletId }) => walletId);
  const short = [...paying].flatMap(([walletId, pays]) => {
    const known = found.get(walletId) ?? [];
    const covered = known.reduce((sum, { left }) => sum + left, 0n) >= pays;
    return covered || known.length < FIRST_OBLIGATIONS ? [] : [walletId];
  });
  if (short.length === 0) {
    return first;
  }
  const all = await readOpen(tx, short, null);
  return [...first.filter(({ walletId }) => !short.includes(walletId)), ...all];
}

/** @units limit: of each wallet; null for all */
async function readOpen(
  tx: Tx,
  walletIds: readonly Id[],
  limit: number | null,
): Promise<readonly OpenObligation[]> {
  if (walletIds.length === 0) {
    return [];
  }
  const wanted = sql.param(arrayParameter('uuid', walletIds));
  const rows = await readColumns(
    tx,
    settlementObligations,
    ['fillId', 'walletId', 'settlesOn', 'amount', 'used'],
    sql`unnest(${wanted}::uuid[]) as wanted (id) cross join lateral (
      select * from ${settlementObligations} o
      where o.wallet_id = wanted.id and o.settled_at is null and o.used < o.amount
      order by o.settles_on, o.fill_id limit ${limit}::text::bigint) as settlement_obligations`,
  );
  return rows.map(({ amount, used, ...row }) => ({ ...row, left: amountOf(amount - used) }));
}

async function use(tx: Tx, used: ReadonlyMap<Id, bigint>): Promise<void> {
  const ids = sql.param(arrayParameter('uuid', [...used.keys()]));
  const amounts = sql.param(arrayLiteral([...used.values()].map((part) => formatAmount(amountOf(part)))));
  await executePrepared(
    tx,
    sql`update settlement_obligations o set used = o.used + more.part
      from unnest(${ids}::uuid[], ${amounts}::numeric[]) as more (id, part)
      where o.fill_id = more.id and o.fill_id = any (${ids}::uuid[])`,
  );
}
