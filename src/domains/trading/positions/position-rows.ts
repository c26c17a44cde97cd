/** What fills make of the row of a position. Pure. */
import { type Amount, amountOf, ZERO } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { PricedInstrument } from '../../markets/index.ts';
import type { PlannedFill, PlannedTrade } from '../pipeline/settle-plan.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { type FillEffect, markedAt, sideOpenedBy } from './rules.ts';
import type { positions } from './schema.ts';

type Position = typeof positions.$inferSelect;

/** A position as a price makes it. */
export function marked(
  position: Position,
  mark: Amount,
  { maintenanceMarginBps }: PricedInstrument,
  now: Instant,
): Position {
  const worth = markedAt(position, mark, maintenanceMarginBps ?? 0);
  return { ...position, ...worth, markPrice: mark, markedAt: now };
}

/** A position of which a part was closed, or all. */
export function reduced(
  position: Position,
  { quantity, value, realised }: NonNullable<FillEffect['closed']>,
  rest: FillEffect['after'],
  origin: OrderRow['origin'],
  now: Instant,
): Position {
  return {
    ...position,
    status: rest !== null ? 'open' : origin === 'liquidation' ? 'liquidated' : 'closed',
    quantity: amountOf(rest?.quantity ?? 0n),
    entryValue: amountOf(rest?.entryValue ?? 0n),
    initialMargin: amountOf(rest?.initialMargin ?? 0n),
    closedQuantity: amountOf(position.closedQuantity + quantity),
    closedValue: amountOf(position.closedValue + value),
    realisedPnl: amountOf(position.realisedPnl + realised),
    fillCount: position.fillCount + 1,
    liquidationPrice: rest === null ? null : position.liquidationPrice,
    version: position.version + 1,
    updatedAt: now,
    closedAt: rest === null ? now : null,
  };
}

/** A position that was added to. */
export function grown(
  position: Position,
  { quantity, value, margin }: NonNullable<FillEffect['opened']>,
  now: Instant,
): Position {
  return {
    ...position,
    quantity: amountOf(position.quantity + quantity),
    entryValue: amountOf(position.entryValue + value),
    initialMargin: amountOf(position.initialMargin + margin),
    openedQuantity: amountOf(position.openedQuantity + quantity),
    openedValue: amountOf(position.openedValue + value),
    fillCount: position.fillCount + 1,
    version: position.version + 1,
    updatedAt: now,
  };
}

/** A position of which nothing is open yet. */
export function opening(walletId: Id, trade: PlannedTrade, { order }: PlannedFill, now: Instant): Position {
  return {
    id: newId(),
    userId: order.userId,
    accountId: order.accountId,
    book: order.book,
    instrumentId: trade.instrumentId,
    symbol: trade.symbol,
    walletId,
    settlementAsset: order.reservationAsset,
    side: sideOpenedBy(order.side),
    status: 'open',
    quantity: ZERO,
    entryValue: ZERO,
    initialMargin: ZERO,
    openedQuantity: ZERO,
    openedValue: ZERO,
    closedQuantity: ZERO,
    closedValue: ZERO,
    fillCount: 0,
    fees: ZERO,
    realisedPnl: ZERO,
    fundingPaid: ZERO,
    lossBorne: ZERO,
    markPrice: trade.price,
    markedAt: now,
    unrealisedPnl: ZERO,
    maintenanceMargin: ZERO,
    liquidationPrice: null,
    version: 0,
    openedAt: now,
    updatedAt: now,
    closedAt: null,
  };
}
