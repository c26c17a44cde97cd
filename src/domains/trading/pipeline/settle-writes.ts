/**
 * Writes a planned settlement, one statement per table. Reservations fall before totals move, so
 * that no wallet is ever below what it reserves (I2).
 */
import { sql } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter, insertRows } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { together } from '../../../platform/db/transact.ts';
import { publishPacked } from '../../../platform/outbox/publish.ts';
import { changeReserved, type NewJournal, postJournals } from '../../ledger/index.ts';
import { keepMarketMoves, keepTradePrints, type PricedInstrument } from '../../markets/index.ts';
import { spansOf, watchPrices } from '../../risk/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import type { FeesOfDay } from '../fees/fees-of-day.ts';
import { countTurnovers } from '../fees/settle-fees.ts';
import { newsData } from '../order-news.ts';
import { type ContractPlan, isContract } from '../positions/plan-contracts.ts';
import { releaseMarginHolds, writePositions } from '../positions/settle-contracts.ts';
import { fills, orderEvents, orders, trades } from '../schema.ts';
import { writeVenueSteps } from '../venues/write-venue-steps.ts';
import { reserveReleased } from './group-reservations.ts';
import type { SettleWallets } from './record-settlement.ts';
import { findCycles, keepCycles } from './settle-cycles.ts';
import { settleLots } from './settle-lots.ts';
import {
  FIRM_AS_VENUE,
  fillsOf,
  isClosed,
  type Plan,
  type PlannedFill,
  type PlannedOrder,
  type PlannedTrade,
} from './settle-plan.ts';
import { isQuiet, isUntouched, stepName, writeSteps } from './settle-steps.ts';
import { journalOf, type Pair } from './trade-journal.ts';

type Instruments = ReadonlyMap<string, PricedInstrument>;

/** What a settlement is written with: every wallet of it is locked. */
type SettleWith = {
  readonly instruments: Instruments;
  readonly wallets: SettleWallets;
  readonly fees: FeesOfDay;
  readonly contracts: ContractPlan;
};

/**
 * Writes what was planned; every wallet it touches is locked.
 * @effects `trades`, `fills`, `orders`, `order_events`, journals, lots, `quotes`, obligations, volumes,
 *   outbox, audit
 */
export async function writeSettlement(
  tx: Tx,
  ctx: Ctx,
  plan: Plan,
  { instruments, wallets, fees, contracts }: SettleWith,
): Promise<void> {
  const now = ctx.deps.clock.now();
  const changed = [...plan.orders.values()].filter((order) => !isUntouched(order));
  const cycles = await findCycles(tx, ctx, plan, instruments, wallets);
  const exchanged = plan.trades.filter((trade) => !isContract(trade, instruments));
  const postings = [
    ...exchanged.map((trade) => ({
      ...journalOf(trade, assetsOf(trade, instruments), wallets),
      ...cycles.valueDateOf(trade),
    })),
    ...contracts.journals,
  ];
  reserveReleased(plan, postings, wallets, instruments);
  const moved = changed.flatMap(reservationChange);
  const freed = moved.filter(({ delta }) => delta < 0n);
  const reserved = moved.filter(({ delta }) => delta > 0n);
  const rows = plan.trades.map(tradeRow(now));
  const prints = livePrints(plan, instruments);
  const prices = lastPrices(plan);
  const spans = spansOf(plan.trades.filter(makesPrice));
  // Two flights: what is written first needs no answer of the others, but is begun in the order it must happen in.
  // Nothing may throw between the first that is begun and `together`, which waits for all of them.
  const [, , realised, settlesOn, volumes] = await together(
    together(changeReserved(tx, freed), releaseMarginHolds(tx, contracts.walletIds)),
    postThenReserve(tx, ctx, postings, reserved),
    settleLots(tx, ctx, plan.trades, instruments, wallets),
    keepCycles(tx, ctx, cycles, fees.day),
    countTurnovers(tx, ctx, fees, plan, instruments),
    insertRows(tx, trades, rows),
    writeSteps(tx, ctx, plan, now),
    keepTradePrints(tx, ctx, prints),
    keepMarketMoves(tx, ctx, prices),
    watchPrices(tx, ctx, spans),
  );
  const sides = plan.trades.flatMap((trade) =>
    fillsOf(trade).map((fill) => ({
      ...fillRow(trade, fill, instruments, realised, now),
      ...(contracts.realised.has(fill.id) ? { realisedPnl: contracts.realised.get(fill.id) ?? null } : {}),
      settlesOn: settlesOn.get(fill.id) ?? null,
      tradeDay: fees.day,
      volume: volumes.get(fill.id) ?? null,
    })),
  );
  // What a venue was asked or said comes before what it made of the order: it may have ended it.
  await writeVenueSteps(tx, ctx, plan, now);
  const events = eventRows(ctx, changed, sides, now);
  await together(
    insertRows(tx, fills, sides),
    updateOrders(tx, changed, now),
    insertRows(tx, orderEvents, events),
    tell(tx, ctx, changed, sides, now),
    writePositions(tx, ctx, contracts),
  );
}

/** What is reserved anew comes out of what the journals and the margin let go bring: behind them. */
async function postThenReserve(
  tx: Tx,
  ctx: Ctx,
  postings: readonly NewJournal[],
  reserving: readonly ReservationChange[],
): Promise<void> {
  await postJournals(tx, ctx, postings);
  if (reserving.length > 0) {
    await changeReserved(tx, reserving);
  }
}

/** The row of a trade that happened now. */
function tradeRow(now: Instant) {
  return ({ id, instrumentId, symbol, book, price, quantity, takerSide, ...at }: PlannedTrade) => ({
    id,
    instrumentId,
    symbol,
    book,
    price,
    quantity,
    takerSide,
    venue: at.takenOver === true ? FIRM_AS_VENUE : (at.venue?.name ?? null),
    executedAt: now,
  });
}

type ReservationChange = ReturnType<typeof reservationChange>[number];

function reservationChange({ row, reservation }: PlannedOrder) {
  const delta = amountOf(reservation - row.reservation);
  return delta === 0n
    ? []
    : [{ walletId: present(row.walletId, 'an accepted order has a funding wallet'), delta }];
}

function assetsOf(trade: PlannedTrade, instruments: Instruments): Pair {
  const instrument = present(instruments.get(trade.symbol), 'a traded instrument exists');
  return { base: instrument.baseAsset, quote: instrument.quoteAsset };
}

type FillRow = typeof fills.$inferInsert;

function fillRow(
  trade: PlannedTrade,
  fill: PlannedFill,
  instruments: Instruments,
  realised: ReadonlyMap<Id, Amount | null>,
  now: Instant,
): FillRow {
  const { order } = fill;
  return {
    id: fill.id,
    tradeId: trade.id,
    orderId: order.id,
    userId: order.userId,
    accountId: order.accountId,
    symbol: trade.symbol,
    side: order.side,
    price: trade.price,
    quantity: trade.quantity,
    amount: trade.amount,
    fee: fill.fee,
    feeAsset: assetsOf(trade, instruments).quote,
    feeBps: fill.feeBps,
    listedFeeBps: fill.listedFeeBps,
    feeTierId: fill.feeTierId,
    liquidity: fill.liquidity,
    realisedPnl: order.side === 'sell' ? (realised.get(fill.id) ?? null) : null,
    executedAt: now,
  };
}

async function updateOrders(tx: Tx, changed: readonly PlannedOrder[], now: Instant): Promise<void> {
  if (changed.length === 0) {
    return;
  }
  const column = (pick: (order: PlannedOrder) => string | null) =>
    sql`${sql.param(arrayParameter('text', changed.map(pick)))}::text[]`;
  const ids = sql.param(
    arrayParameter(
      'uuid',
      changed.map(({ row }) => row.id),
    ),
  );
  // Named by their ids as well, so that no plan reads all orders.
  const change = sql`
    update ${orders} o set status = change.status::order_status, cancel_reason = change.cancel_reason,
      reservation = change.reservation::numeric, filled_quantity = change.filled_quantity::numeric,
      filled_amount = change.filled_amount::numeric, fees = change.fees::numeric,
      closed_at = change.closed_at::timestamptz, version = o.version + 1
    from unnest(${column(({ row }) => row.id)}, ${column(({ status }) => status)},
      ${column(({ cancelReason }) => cancelReason)}, ${column(({ reservation }) => formatAmount(reservation))},
      ${column(({ filledQuantity }) => formatAmount(filledQuantity))},
      ${column(({ filledAmount }) => formatAmount(filledAmount))}, ${column(({ fees }) => formatAmount(fees))},
      ${column((order) => (isClosed(order) ? now : null))})
      as change (id, status, cancel_reason, reservation, filled_quantity, filled_amount, fees, closed_at)
    where o.id = change.id::uuid and o.id = any (${ids}::uuid[])`;
  await executePrepared(tx, change);
}

function eventRows(
  ctx: Ctx,
  changed: readonly PlannedOrder[],
  sides: readonly FillRow[],
  now: Instant,
): (typeof orderEvents.$inferInsert)[] {
  const versions = new Map(changed.map(({ row }) => [row.id, row.version + 1]));
  const traded = sides.map((fill) => ({
    id: newId(),
    orderId: fill.orderId,
    userId: fill.userId,
    accountId: fill.accountId,
    type: 'order.traded',
    data: {
      tradeId: fill.tradeId,
      price: formatAmount(fill.price),
      quantity: formatAmount(fill.quantity),
      fee: formatAmount(fill.fee),
      feeAsset: fill.feeAsset,
      liquidity: fill.liquidity,
      version: present(versions.get(fill.orderId), 'what traded has changed'),
    },
    requestId: ctx.requestId,
    occurredAt: now,
  }));
  const closed = changed.filter(isClosed).map((order) => ({
    id: newId(),
    orderId: order.row.id,
    userId: order.row.userId,
    accountId: order.row.accountId,
    type: `order.${order.status}`,
    data: {
      ...progressOf(order),
      reason: order.cancelReason,
      version: order.row.version + 1,
      ...replacementOf(order),
    },
    requestId: ctx.requestId,
    occurredAt: now,
  }));
  return [...traded, ...closed];
}

function replacementOf({ replacedById }: PlannedOrder) {
  return replacedById === null ? {} : { replacedById };
}

function progressOf(order: PlannedOrder) {
  return {
    status: order.status,
    filledQuantity: formatAmount(order.filledQuantity),
    filledAmount: formatAmount(order.filledAmount),
    fees: formatAmount(order.fees),
  };
}

/** Evidence, and the customers' event feed. */
async function tell(
  tx: Tx,
  ctx: Ctx,
  changed: readonly PlannedOrder[],
  sides: readonly FillRow[],
  now: Instant,
): Promise<void> {
  const evidence = recordMany(tx, ctx, [
    ...sides.map((fill) => ({
      event: TRADING_EVENTS['order.traded'],
      resource: { type: 'order', id: fill.orderId },
      subjectUserId: fill.userId,
      after: fill,
    })),
    ...changed.filter(isClosed).map((order) => ({
      event: TRADING_EVENTS['order.closed'],
      resource: { type: 'order', id: order.row.id },
      subjectUserId: order.row.userId,
      before: order.row,
      after: { ...order.row, ...progressOf(order), cancelReason: order.cancelReason },
    })),
  ]);
  const feed = publishPacked(
    tx,
    ctx,
    changed.map((order) => ({
      id: newId(),
      type: `trading.order_${newsOf(order)}`,
      userId: order.row.userId,
      accountId: order.row.accountId,
      requestId: ctx.requestId,
      data: {
        ...newsData({ ...order.row, version: order.row.version + 1 }, now),
        ...progressOf(order),
        ...(isQuiet(order) ? { reservation: formatAmount(order.reservation) } : {}),
        ...replacementOf(order),
      },
    })),
    'at_once',
  );
  await together(evidence, feed);
}

/** A trade or an end is told by the status it left; anything else by its own name. */
function newsOf(order: PlannedOrder): string {
  const traded = order.filledQuantity !== order.row.filledQuantity;
  return traded || isClosed(order) ? order.status : stepName(order);
}

/** Neither paper, nor what a venue did or the firm took over, makes prices of our own book. */
function makesPrice({ book, venue, takenOver }: PlannedTrade): boolean {
  return book === 'live' && venue === null && takenOver !== true;
}

function livePrints(plan: Plan, instruments: Instruments) {
  return plan.trades.filter(makesPrice).map(({ instrumentId, symbol, price, quantity }) => {
    const { feed } = present(instruments.get(symbol), 'a traded instrument exists');
    return { instrumentId, price, size: quantity, feed };
  });
}

function lastPrices(plan: Plan) {
  const last = new Map<Id, Amount>();
  for (const trade of plan.trades) {
    if (makesPrice(trade)) {
      last.set(trade.instrumentId, trade.price);
    }
  }
  return [...last].map(([instrumentId, price]) => ({ instrumentId, last: price, top: null }));
}
