/**
 * What a settlement writes of orders at venues, besides the trades they became. Pure.
 */
import type { Amount } from '../../../kernel/amount.ts';
import { assert, present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { OrderRecalled, OrderRouted } from '../engine/event.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import type { ExecutionReport } from './venue.ts';

/** What became of a report here. */
export type Standing = 'noted' | 'booked' | 'contested';

/** What a venue said, or people said for it, as the settlement is told. */
export type VenueTold =
  | {
      readonly type: 'reported';
      readonly orderId: Id;
      /** Our id of the report. */
      readonly id: Id;
      readonly report: ExecutionReport;
      readonly standing: Standing;
      /** The approval it came from; null where the venue said it itself. */
      readonly resolutionId: Id | null;
    }
  | { readonly type: 'resolved'; readonly orderId: Id; readonly resolutionId: Id }
  | { readonly type: 'never_received'; readonly orderId: Id };

export type VenuePlan = {
  readonly routed: { readonly order: OrderRow; readonly venue: string }[];
  readonly recalled: OrderRow[];
  readonly reports: (Extract<VenueTold, { type: 'reported' }> & {
    readonly order: OrderRow;
    readonly venue: string;
  })[];
  readonly resolved: { readonly order: OrderRow; readonly resolutionId: Id }[];
  readonly neverReceived: { readonly order: OrderRow; readonly venue: string }[];
};

/** Nothing to write. */
export function emptyVenuePlan(): VenuePlan {
  return { routed: [], recalled: [], reports: [], resolved: [], neverReceived: [] };
}

/** True where a settlement has to do with a venue at all. */
export function hasVenueSteps(plan: VenuePlan): boolean {
  const { routed, recalled, reports, resolved, neverReceived } = plan;
  return routed.length + recalled.length + reports.length + resolved.length + neverReceived.length > 0;
}

/** Adds one step. @units the event's order is in `rows`, as the database holds it now */
export function planVenueStep(
  plan: VenuePlan,
  event: OrderRouted | OrderRecalled | VenueTold,
  terms: { readonly venue: string | null },
  rows: ReadonlyMap<Id, OrderRow>,
): void {
  const order = present(rows.get(event.orderId), 'what is at a venue is an order of the database');
  const venue = present(terms.venue, 'only a book whose orders go to a venue says so');
  switch (event.type) {
    case 'routed':
      assert(order.closedAt === null, 'only open orders are routed');
      plan.routed.push({ order, venue });
      break;
    case 'recalled':
      plan.recalled.push(order);
      break;
    case 'reported':
      plan.reports.push({ ...event, order, venue });
      break;
    case 'resolved':
      plan.resolved.push({ order, resolutionId: event.resolutionId });
      break;
    case 'never_received':
      plan.neverReceived.push({ order, venue });
      break;
  }
}

/** The figures of a report; those its type has not are null. */
export function figuresOf(report: ExecutionReport): {
  readonly price: Amount | null;
  readonly quantity: Amount | null;
  readonly fee: Amount | null;
  readonly feeAsset: string | null;
  readonly reason: string | null;
  readonly executed: Amount | null;
  readonly venueOrderId: string | null;
} {
  const fill = report.type === 'fill' ? report : null;
  return {
    price: fill?.price ?? null,
    quantity: fill?.quantity ?? null,
    fee: fill?.fee ?? null,
    feeAsset: fill?.feeAsset ?? null,
    reason: 'reason' in report ? report.reason : null,
    executed: 'executed' in report ? report.executed : null,
    venueOrderId: report.type === 'accepted' ? (report.venueOrderId ?? null) : null,
  };
}
