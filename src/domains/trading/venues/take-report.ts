/**
 * From what a venue says to what the engine is told. Pure but for the book's memory. An execution that the order does
 * not cover is contested: nothing is booked of it, and people settle it with the venue.
 */
import { ONE, parseAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { newId } from '../../../kernel/id.ts';
import type { AwayOrder } from '../engine/away.ts';
import type { VenueEnd } from '../engine/command.ts';
import type { EngineEvent } from '../engine/event.ts';
import { applyCommand } from '../engine/order-book.ts';
import type { Book } from '../pipeline/desk.ts';
import type { BookEvent } from '../pipeline/settle-plan.ts';
import type { StoredResolution } from './schema.ts';
import type { ExecutionReport } from './venue.ts';
import type { Standing } from './venue-plan.ts';

type Fill = Extract<ExecutionReport, { type: 'fill' }>;

/** What one report does to a book; `contest` keeps an execution from being booked whatever it says. */
export function takeReport(
  book: Book,
  report: ExecutionReport,
  {
    resolutionId = null,
    contest = false,
  }: { readonly resolutionId?: Id | null; readonly contest?: boolean } = {},
): BookEvent[] {
  const { reference: orderId } = report;
  const id = newId();
  const told = (standing: Standing): BookEvent => ({
    type: 'reported',
    orderId,
    id,
    report,
    standing,
    resolutionId,
  });
  const events: EngineEvent[] = [];
  switch (report.type) {
    case 'fill': {
      const away = book.matching.away.get(orderId);
      if (contest || away === undefined || !covers(away, report)) {
        return [told('contested')];
      }
      const { price, quantity, liquidity } = report;
      applyCommand(
        book.matching,
        { type: 'executed', orderId, price, quantity, liquidity, reportId: id },
        events,
      );
      return [told('booked'), ...events];
    }
    case 'accepted':
      return [told('noted')];
    case 'rejected':
      applyCommand(
        book.matching,
        { type: 'returned', orderId, reason: report.reason, executed: null },
        events,
      );
      return [told('noted'), ...events];
    case 'cancelled':
    case 'done': {
      const reason: VenueEnd = report.type === 'done' ? 'filled' : report.reason;
      applyCommand(book.matching, { type: 'returned', orderId, reason, executed: report.executed }, events);
      return [told('noted'), ...events];
    }
  }
}

/** What two people say a venue did with an order, and that it has no more of it. */
export function takeResolution(
  book: Book,
  orderId: Id,
  resolution: StoredResolution,
  resolutionId: Id,
): BookEvent[] {
  const filled = resolution.executions.flatMap((execution) =>
    takeReport(book, executionReport(orderId, execution), { resolutionId }),
  );
  const events: EngineEvent[] = [];
  applyCommand(
    book.matching,
    { type: 'returned', orderId, reason: 'venue_resolved', executed: null },
    events,
  );
  return [...filled, ...events, { type: 'resolved', orderId, resolutionId }];
}

/** Ends an order that its venue never received; nothing where it has ended meanwhile. */
export function takeNeverReceived(book: Book, orderId: Id): BookEvent[] {
  const events: EngineEvent[] = [];
  applyCommand(
    book.matching,
    { type: 'returned', orderId, reason: 'venue_never_received', executed: null },
    events,
  );
  return events.length === 0 ? [] : [{ type: 'never_received', orderId }, ...events];
}

/** Whether an execution fits what of the order is open, at a price it accepts, to the last decimal. */
export function coversFill(
  open: {
    readonly side: 'buy' | 'sell';
    readonly limit: bigint | null;
    readonly remaining: bigint | null;
    readonly notional: bigint | null;
    readonly lot: bigint;
  },
  { price, quantity }: { readonly price: bigint; readonly quantity: bigint },
): boolean {
  const { side, limit, remaining, notional, lot } = open;
  if (price <= 0n || quantity <= 0n || quantity % lot !== 0n || (price * quantity) % ONE !== 0n) {
    return false;
  }
  const within = limit === null || (side === 'buy' ? price <= limit : price >= limit);
  const inUnits = remaining === null ? notional !== null : quantity <= remaining;
  return within && inUnits && (notional === null || (price * quantity) / ONE <= notional);
}

function covers({ order, remaining, notional }: AwayOrder, fill: Fill): boolean {
  return coversFill(
    { side: order.side, limit: order.price ?? order.priceCap, remaining, notional, lot: 1n },
    fill,
  );
}

function executionReport(orderId: Id, execution: StoredResolution['executions'][number]): Fill {
  return {
    type: 'fill',
    reference: orderId,
    reportId: execution.executionId,
    price: parseAmount(execution.price),
    quantity: parseAmount(execution.quantity),
    liquidity: 'taker',
    fee: parseAmount('0'),
    feeAsset: '',
  };
}
