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
import { publish } from '../../../platform/outbox/publish.ts';
import {
  changeReserved,
  consumeLots,
  type Disposal,
  type NewJournal,
  type NewLot,
  openLots,
  postJournals,
  requireAsset,
} from '../../ledger/index.ts';
import { keepMarketMoves, keepTradePrints, type PricedInstrument } from '../../markets/index.ts';
import { spansOf, watchPrices } from '../../risk/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { fills, orderEvents, orders, trades } from '../schema.ts';
import type { SettleWallets } from './record-settlement.ts';
import type { Plan, PlannedFill, PlannedOrder, PlannedTrade } from './settle-plan.ts';
import { isOnlyTrailing, stepName, writeSteps } from './settle-steps.ts';

type Instruments = ReadonlyMap<string, PricedInstrument>;

/**
 * Writes what was planned; every wallet it touches is locked.
 * @effects `trades`, `fills`, `orders`, `order_events`, journals, lots, `quotes`, outbox, audit
 */
export async function writeSettlement(
  tx: Tx,
  ctx: Ctx,
  plan: Plan,
  instruments: Instruments,
  wallets: SettleWallets,
): Promise<void> {
  const now = ctx.deps.clock.now();
  const changed = [...plan.orders.values()];
  await changeReserved(tx, changed.flatMap(reservationChange));
  await postJournals(
    tx,
    ctx,
    plan.trades.map((trade) => journalOf(trade, assetsOf(trade, instruments), wallets)),
  );
  const realised = await settleLots(tx, ctx, plan.trades, instruments, wallets);
  await insertRows(
    tx,
    trades,
    plan.trades.map(({ id, instrumentId, symbol, book, price, quantity, takerSide }) => ({
      id,
      instrumentId,
      symbol,
      book,
      price,
      quantity,
      takerSide,
      executedAt: now,
    })),
  );
  const sides = plan.trades.flatMap((trade) =>
    [trade.buy, trade.sell].map((fill) => fillRow(trade, fill, instruments, realised, now)),
  );
  await insertRows(tx, fills, sides);
  await writeSteps(tx, ctx, plan, now);
  await updateOrders(tx, changed, now);
  await insertRows(tx, orderEvents, eventRows(ctx, changed, sides, now));
  await tell(tx, ctx, plan, changed, sides, now);
}

function reservationChange({ row, reservation }: PlannedOrder) {
  const delta = amountOf(reservation - row.reservation);
  return delta === 0n
    ? []
    : [{ walletId: present(row.walletId, 'an accepted order has a funding wallet'), delta }];
}

type Pair = { readonly base: string; readonly quote: string };

function assetsOf(trade: PlannedTrade, instruments: Instruments): Pair {
  const instrument = present(instruments.get(trade.symbol), 'a traded instrument exists');
  return { base: instrument.baseAsset, quote: instrument.quoteAsset };
}

/** Buyer and seller exchange base and quote; each pays its fee to the house in the quote asset. */
function journalOf(trade: PlannedTrade, pair: Pair, wallets: SettleWallets): NewJournal {
  const buyer = trade.buy.order.accountId;
  const seller = trade.sell.order.accountId;
  const fees = amountOf(trade.buy.fee + trade.sell.fee);
  const entries = [
    { walletId: wallets.of(buyer, pair.base).id, amount: trade.quantity },
    { walletId: wallets.of(buyer, pair.quote).id, amount: amountOf(-trade.amount) },
    { walletId: wallets.of(buyer, pair.quote).id, amount: amountOf(-trade.buy.fee) },
    { walletId: wallets.of(seller, pair.base).id, amount: amountOf(-trade.quantity) },
    { walletId: wallets.of(seller, pair.quote).id, amount: trade.amount },
    { walletId: wallets.of(seller, pair.quote).id, amount: amountOf(-trade.sell.fee) },
    { walletId: wallets.fees(trade.book, pair.quote), amount: fees },
  ];
  return {
    book: trade.book,
    kind: 'trade',
    referenceType: 'trade',
    referenceId: trade.id,
    description: `${trade.symbol} ${formatAmount(trade.quantity)} at ${formatAmount(trade.price)}`,
    entries: entries.filter((entry) => entry.amount !== 0n),
  };
}

/** @shape what each sale of base units realised, by fill */
async function settleLots(
  tx: Tx,
  ctx: Ctx,
  planned: readonly PlannedTrade[],
  instruments: Instruments,
  wallets: SettleWallets,
): Promise<ReadonlyMap<Id, Amount | null>> {
  const acquired: NewLot[] = [];
  const disposed: Disposal[] = [];
  const fiat = await fiatAssets(tx, planned, instruments);
  for (const trade of planned) {
    const { base, quote } = assetsOf(trade, instruments);
    const paid = amountOf(trade.amount + trade.buy.fee);
    const fetched = amountOf(trade.amount - trade.sell.fee);
    if (!fiat.has(base)) {
      acquired.push(lotOf(trade.buy, base, trade.quantity, { amount: paid, currency: quote }, wallets));
      disposed.push(
        disposalOf(trade.sell, base, trade.quantity, { amount: fetched, currency: quote }, wallets),
      );
    }
    if (!fiat.has(quote)) {
      disposed.push(disposalOf(trade.buy, quote, paid, null, wallets));
      if (fetched > 0n) {
        acquired.push(lotOf(trade.sell, quote, fetched, null, wallets));
      }
    }
  }
  await openLots(tx, ctx, acquired);
  const realised = await consumeLots(tx, ctx, disposed);
  return new Map(realised.map(({ referenceId, pnl }) => [referenceId, pnl]));
}

type Price = { readonly amount: Amount; readonly currency: string } | null;

function lotOf(
  fill: PlannedFill,
  asset: string,
  quantity: Amount,
  cost: Price,
  wallets: SettleWallets,
): NewLot {
  const { userId, accountId } = fill.order;
  const walletId = wallets.of(accountId, asset).id;
  return { walletId, userId, accountId, asset, quantity, cost, source: 'trade', referenceId: fill.id };
}

function disposalOf(
  fill: PlannedFill,
  asset: string,
  quantity: Amount,
  proceeds: Price,
  wallets: SettleWallets,
): Disposal {
  const walletId = wallets.of(fill.order.accountId, asset).id;
  return { walletId, quantity, proceeds, referenceType: 'fill', referenceId: fill.id };
}

async function fiatAssets(
  tx: Tx,
  planned: readonly PlannedTrade[],
  instruments: Instruments,
): Promise<ReadonlySet<string>> {
  const fiat = new Set<string>();
  const codes = new Set(planned.flatMap((trade) => Object.values(assetsOf(trade, instruments))));
  for (const code of codes) {
    if ((await requireAsset(tx, code)).kind === 'fiat') {
      fiat.add(code);
    }
  }
  return fiat;
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
    liquidity: fill.liquidity,
    realisedPnl: order.side === 'sell' ? (realised.get(fill.id) ?? null) : null,
    executedAt: now,
  };
}

function isClosed({ status }: PlannedOrder): boolean {
  return status !== 'open' && status !== 'partially_filled' && status !== 'pending' && status !== 'held';
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
    data: { ...progressOf(order), reason: order.cancelReason },
    requestId: ctx.requestId,
    occurredAt: now,
  }));
  return [...traded, ...closed];
}

function progressOf(order: PlannedOrder) {
  return {
    status: order.status,
    filledQuantity: formatAmount(order.filledQuantity),
    filledAmount: formatAmount(order.filledAmount),
    fees: formatAmount(order.fees),
  };
}

/** Evidence, the customers' event feed, and the prices that the trades made. */
async function tell(
  tx: Tx,
  ctx: Ctx,
  plan: Plan,
  changed: readonly PlannedOrder[],
  sides: readonly FillRow[],
  now: Instant,
): Promise<void> {
  await recordMany(tx, ctx, [
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
  await publish(
    tx,
    ctx,
    changed
      .filter((order) => !isOnlyTrailing(order))
      .map((order) => ({
        type: `trading.order_${newsOf(order)}`,
        userId: order.row.userId,
        accountId: order.row.accountId,
        customerVisible: true,
        data: {
          orderId: order.row.id,
          accountId: order.row.accountId,
          clientOrderId: order.row.clientOrderId,
          symbol: order.row.symbol,
          side: order.row.side,
          occurredAt: now,
          ...progressOf(order),
        },
      })),
  );
  await keepTradePrints(tx, ctx, livePrints(plan));
  await keepMarketMoves(tx, ctx, lastPrices(plan));
  await watchPrices(tx, ctx, spansOf(plan.trades.filter(({ book }) => book === 'live')));
}

/** A trade or an end is told by the status it left; anything else by its own name. */
function newsOf(order: PlannedOrder): string {
  const traded = order.filledQuantity !== order.row.filledQuantity;
  return traded || isClosed(order) ? order.status : stepName(order);
}

/** Paper trades make no prices. */
function livePrints(plan: Plan) {
  return plan.trades
    .filter(({ book }) => book === 'live')
    .map(({ instrumentId, price, quantity }) => ({ instrumentId, price, size: quantity }));
}

function lastPrices(plan: Plan) {
  const last = new Map<Id, Amount>();
  for (const trade of plan.trades) {
    if (trade.book === 'live') {
      last.set(trade.instrumentId, trade.price);
    }
  }
  return [...last].map(([instrumentId, price]) => ({ instrumentId, last: price, top: null }));
}
