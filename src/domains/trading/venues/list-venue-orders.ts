import { and, asc, desc, eq, type InferSelectModel, inArray, lt } from 'drizzle-orm';
import type { Page } from '../../../kernel/page.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { orders } from '../schema.ts';
import { venueOrders, venueReports } from './schema.ts';

type VenueRow = InferSelectModel<typeof venueOrders>;

/** An order at a venue, with what the venue said of it. */
export type VenueOrderView = Omit<VenueRow, 'book'> &
  Pick<
    OrderRow,
    'userId' | 'accountId' | 'symbol' | 'book' | 'side' | 'quantity' | 'notional' | 'filledQuantity'
  > & {
    readonly orderStatus: OrderRow['status'];
    readonly reports: readonly InferSelectModel<typeof venueReports>[];
    /** What the venue calls it; null where it never said. */
    readonly venueOrderId: string | null;
  };

export type VenueOrderFilter = PageRequest & { readonly state?: VenueRow['state'] | undefined };

/** Orders that were sent to venues, the newest first. @errors invalid_cursor */
export async function listVenueOrders(ctx: Ctx, filter: VenueOrderFilter): Promise<Page<VenueOrderView>> {
  const listing = `venue-orders ${filter.state ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select({ sent: venueOrders, order: orders })
      .from(venueOrders)
      .innerJoin(orders, eq(orders.id, venueOrders.orderId))
      .where(
        and(
          filter.state === undefined ? undefined : eq(venueOrders.state, filter.state),
          before === undefined ? undefined : lt(venueOrders.orderId, before),
        ),
      )
      .orderBy(desc(venueOrders.orderId))
      .limit(filter.limit + 1);
    const page = cutPage(key, listing, rows, filter.limit, ({ sent }) => [sent.orderId]);
    const reports = await tx
      .select()
      .from(venueReports)
      .where(
        inArray(
          venueReports.orderId,
          page.data.map(({ sent }) => sent.orderId),
        ),
      )
      .orderBy(asc(venueReports.id));
    const reportsOf = Map.groupBy(reports, ({ orderId }) => orderId);
    return {
      ...page,
      data: page.data.map(({ sent, order }) => viewOf(sent, order, reportsOf.get(sent.orderId))),
    };
  });
}

function viewOf(sent: VenueRow, order: OrderRow, reports: VenueOrderView['reports'] = []): VenueOrderView {
  const { userId, accountId, symbol, side, quantity, notional, filledQuantity, status } = order;
  return {
    ...sent,
    userId,
    accountId,
    symbol,
    side,
    quantity,
    notional,
    filledQuantity,
    orderStatus: status,
    reports,
    venueOrderId: reports.find(({ venueOrderId }) => venueOrderId !== null)?.venueOrderId ?? null,
  };
}
