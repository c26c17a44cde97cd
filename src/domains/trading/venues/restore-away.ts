import { and, eq, inArray, ne } from 'drizzle-orm';
import { assert } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { msOfInstant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { AwayAgain, VenueEnd } from '../engine/command.ts';
import type { Book, Work } from '../pipeline/desk.ts';
import { commandOf } from '../pipeline/engine-commands.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { LOOKED_UP_FOR_MS, pursue } from './cut-off.ts';
import { venueOrders } from './schema.ts';
import { CONTESTED } from './unknown.ts';

type VenueRow = typeof venueOrders.$inferSelect;

/** Reads what of a book is at its venue. @effects `book.cutOff`: what is looked up from now on @shape by order */
export async function readAway(tx: Tx, ctx: Ctx, book: Book): Promise<ReadonlyMap<Id, VenueRow>> {
  if (book.venue === null) {
    return new Map();
  }
  const rows = await tx
    .select()
    .from(venueOrders)
    .where(
      and(
        eq(venueOrders.instrumentId, book.instrumentId),
        eq(venueOrders.book, book.book),
        ne(venueOrders.state, 'done'),
      ),
    );
  assert(
    rows.every(({ venue }) => venue === book.venue),
    'an order is looked up where it was sent, whatever venue is set by now',
  );
  const nowMs = msOfInstant(ctx.deps.clock.now());
  for (const { orderId, state, unknownReason, unknownSince, resolutionId } of rows) {
    if (state === 'sending') {
      pursue(book, orderId, { sendAgain: true });
    } else if (unknownSince !== null && unknownReason !== CONTESTED && resolutionId === null) {
      // From when it became unknown, however often the book is read again.
      pursue(book, orderId, {
        sendAgain: false,
        forMs: LOOKED_UP_FOR_MS - (nowMs - msOfInstant(unknownSince)),
      });
    }
  }
  return new Map(rows.map((row) => [row.orderId, row]));
}

/** Which of some orders were sent to a venue, whatever became of them there. */
export async function sentAmong(tx: Tx, orderIds: readonly Id[]): Promise<ReadonlySet<Id>> {
  const rows =
    orderIds.length === 0
      ? []
      : await tx
          .select({ orderId: venueOrders.orderId })
          .from(venueOrders)
          .where(inArray(venueOrders.orderId, [...orderIds]));
  return new Set(rows.map(({ orderId }) => orderId));
}

/** What a book is told of its orders when it is read again: those at their venue are put back, and never end here. */
export function asTheyStand(
  away: ReadonlyMap<Id, VenueRow>,
  rows: readonly OrderRow[],
  works: readonly Work[],
): readonly Work[] {
  if (away.size === 0) {
    return works;
  }
  const orderOf = new Map(rows.map((row) => [row.id, row]));
  return works.map((work) => {
    const orderId = work.type === 'new' || work.type === 'end' ? work.orderId : null;
    const order = orderId === null ? undefined : orderOf.get(orderId);
    const row = orderId === null ? undefined : away.get(orderId);
    return order === undefined || row === undefined ? work : restored(order, row);
  });
}

function restored(order: OrderRow, row: VenueRow): Work {
  const command = commandOf(order, order.bookSeq ?? 0n);
  const ends =
    row.endReason === null || row.endExecuted === null
      ? null
      : { reason: row.endReason as VenueEnd, executed: row.endExecuted };
  return {
    type: 'restore',
    order: command.type === 'hold' ? command.order : command,
    executed: order.filledQuantity,
    ends,
    recalled: recalledFor(order, row.recalledAt !== null),
  };
}

/** The request for it, if it was made; of an order nobody cancelled it was its group's. */
function recalledFor(
  { cancelReason, cancelRequestedAt }: OrderRow,
  recalled: boolean,
): AwayAgain['recalled'] {
  if (!recalled) {
    return null;
  }
  if (cancelRequestedAt === null) {
    return 'group';
  }
  return cancelReason === 'expired' || cancelReason === 'restricted' ? cancelReason : 'requested';
}
