/**
 * Exits of positions follow the marks, and the prices that their feed passed by between two of them. That one is reached is
 * written in the transaction that writes the mark, under the lock of the wallet, before anything is ordered. Nothing is
 * triggered while the instrument is halted, its exchange closed or a breaker stands, as no held order is; afterwards the price
 * of then decides.
 */
import { sql } from 'drizzle-orm';
import { type Amount, storedAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { readColumns } from '../../../platform/db/read-columns.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import type { FollowedInstrument, PriceSpan } from '../../markets/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import type { Spans } from '../pipeline/feed-prices.ts';
import type { Exits } from '../positions/exit-orders.ts';
import { type PositionExit, reachedExit } from '../positions/exit-rules.ts';
import { positionExits } from '../positions/schema.ts';
import { whyUntradable } from './obstacles.ts';
import type { MarginWallet, MarkedPosition } from './read-margin.ts';

/**
 * The wallets of positions with an exit that the price of now, or one on the way to it, has reached and that may be
 * triggered.
 */
export async function walletsToTrigger(
  tx: Tx,
  ctx: Ctx,
  instruments: readonly FollowedInstrument[],
  spans: Spans,
): Promise<Id[]> {
  const ids = sql.param(
    arrayParameter(
      'uuid',
      instruments.map(({ id }) => id),
    ),
  );
  const ranges = instruments.map(({ id, last }) => rangeOf(last ?? 0n, spans.get(id) ?? []));
  const lows = sql.param(arrayLiteral(ranges.map(({ low }) => storedAmount(low))));
  const highs = sql.param(arrayLiteral(ranges.map(({ high }) => storedAmount(high))));
  const armed = sql`position_exits e where e.instrument_id = priced.id and e.triggered_at is null and e.ended_at is null`;
  const rows = await executePrepared<{ wallet_id: Id; instrument_id: Id }>(
    tx,
    sql`select distinct reached.wallet_id, priced.id as instrument_id
      from unnest(${ids}::uuid[], ${lows}::numeric[], ${highs}::numeric[]) as priced (id, low, high)
      cross join lateral (
        select e.wallet_id from ${armed} and e.side = 'long' and e.stop_loss >= priced.low
        union all select e.wallet_id from ${armed} and e.side = 'long' and e.take_profit <= priced.high
        union all select e.wallet_id from ${armed} and e.side = 'short' and e.stop_loss <= priced.high
        union all select e.wallet_id from ${armed} and e.side = 'short' and e.take_profit >= priced.low
      ) reached order by reached.wallet_id`,
  );
  if (rows.length === 0) {
    return [];
  }
  const closed = await whyUntradable(tx, ctx, instruments);
  return rows.flatMap((row) => (closed.get(row.instrument_id) === null ? [row.wallet_id] : []));
}

const EXITS = [
  'positionId',
  'userId',
  'accountId',
  'instrumentId',
  'walletId',
  'side',
  'stopLoss',
  'takeProfit',
  'version',
  'changedAt',
  'spansBefore',
  'triggered',
  'triggeredAt',
  'triggerMark',
  'heldBack',
  'nextTryAt',
  'endedAt',
] as const;

type Reached = {
  readonly position: MarkedPosition;
  readonly exits: Exits;
  readonly exit: PositionExit;
  /** The price that reached it. */
  readonly mark: Amount;
};

/**
 * Triggers the exits that the marks of these wallets have reached; the wallets are locked. Of the prices on the way to a
 * mark those count that came after the exits were set, and the first that reaches one decides.
 * @effects `position_exits`; audit `position.exit_triggered`, outbox `trading.position_exit_triggered`
 */
export async function triggerExits(
  tx: Tx,
  ctx: Ctx,
  wallets: readonly MarginWallet[],
  spans: Spans,
): Promise<void> {
  const fresh = wallets.flatMap(({ positions }) => positions.filter((position) => position.fresh));
  const armed = await armedExits(tx, fresh);
  const reached = fresh.flatMap((position): Reached[] => {
    const exits = armed.get(position.row.id);
    const first = exits === undefined ? undefined : firstReached(position, exits, spans);
    return exits === undefined || first === undefined ? [] : [{ position, exits, ...first }];
  });
  if (reached.length === 0) {
    return;
  }
  const closed = await whyUntradable(
    tx,
    ctx,
    reached.map(({ position }) => position.instrument),
  );
  await write(
    tx,
    ctx,
    reached.filter(({ position }) => closed.get(position.instrument.id) === null),
  );
}

async function armedExits(tx: Tx, marked: readonly MarkedPosition[]): Promise<ReadonlyMap<string, Exits>> {
  if (marked.length === 0) {
    return new Map();
  }
  const ids = arrayParameter(
    'uuid',
    marked.map(({ row }) => row.id),
  );
  const rows = await readColumns(
    tx,
    positionExits,
    EXITS,
    sql`${positionExits} where position_id = any (${sql.param(ids)}::uuid[]) and triggered_at is null and ended_at is null`,
  );
  return new Map(rows.map((exits) => [exits.positionId, exits]));
}

async function write(tx: Tx, ctx: Ctx, reached: readonly Reached[]): Promise<void> {
  if (reached.length === 0) {
    return;
  }
  const now = ctx.deps.clock.now();
  const column = (pick: (one: Reached) => string) => sql.param(arrayLiteral(reached.map(pick)));
  await executePrepared(
    tx,
    sql`update position_exits e set triggered = r.exit::position_exit, trigger_mark = r.mark,
        triggered_at = ${sql.param(now)}::text::timestamptz, next_try_at = ${sql.param(now)}::text::timestamptz
      from unnest(${column(({ exits }) => exits.positionId)}::uuid[], ${column(({ exit }) => exit)}::text[],
        ${column(({ mark }) => storedAmount(mark))}::numeric[]) as r (id, exit, mark)
      where e.position_id = r.id`,
  );
  const after = reached.map(({ exits, exit, position, mark }) => ({
    exits,
    position,
    now: { ...exits, triggered: exit, triggeredAt: now, triggerMark: mark, nextTryAt: now },
  }));
  await recordMany(
    tx,
    ctx,
    after.map(({ exits, now: triggered }) => ({
      event: TRADING_EVENTS['position.exit_triggered'],
      resource: { type: 'position', id: exits.positionId },
      subjectUserId: exits.userId,
      before: exits,
      after: triggered,
    })),
  );
  await publish(
    tx,
    ctx,
    after.map(({ exits, position, now: triggered }) => ({
      type: 'trading.position_exit_triggered',
      userId: exits.userId,
      accountId: exits.accountId,
      customerVisible: true,
      data: told(position, triggered),
    })),
  );
}

function rangeOf(last: bigint, spans: readonly PriceSpan[]) {
  const lows = spans.map(({ low }): bigint => low);
  const highs = spans.map(({ high }): bigint => high);
  return {
    low: lows.reduce((least, low) => (low < least ? low : least), last),
    high: highs.reduce((most, high) => (high > most ? high : most), last),
  };
}

function firstReached({ row, instrument, price }: MarkedPosition, exits: Exits, spans: Spans) {
  const since = (spans.get(instrument.id) ?? []).filter(({ number }) => number > exits.spansBefore);
  for (const mark of [...since.flatMap(({ way }) => way), price]) {
    const exit = reachedExit(row.side, exits, mark);
    if (exit !== null) {
      return { exit, mark };
    }
  }
  return undefined;
}

function told(
  { row }: MarkedPosition,
  { positionId, accountId, triggered, stopLoss, takeProfit, triggeredAt, triggerMark }: Exits,
) {
  const triggerPrice: Amount | null = triggered === 'stop_loss' ? stopLoss : takeProfit;
  const { symbol, side, quantity } = row;
  return {
    positionId,
    accountId,
    symbol,
    side,
    quantity,
    exit: triggered,
    triggerPrice,
    markPrice: triggerMark,
    triggeredAt,
  };
}
