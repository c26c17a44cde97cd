import { and, asc, eq, inArray, isNotNull } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { type Deps, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Desk } from '../pipeline/desk.ts';
import { venueOrders, venueReports } from './schema.ts';

const RESOLUTIONS_MAX = 100;

/**
 * What two people have said of orders nobody knew the fate of, and no book has carried out yet. An execution that the
 * venue has reported itself meanwhile is booked already: only the others are.
 */
export async function collectResolutions(deps: Deps, desk: Desk): Promise<void> {
  if (![...desk.books.values()].some(({ venue }) => venue !== null)) {
    return;
  }
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
  const { rows, known } = await transact(ctx, 'engine', async (tx) => {
    const agreed = await tx
      .select()
      .from(venueOrders)
      .where(and(eq(venueOrders.state, 'unknown'), isNotNull(venueOrders.resolution)))
      .orderBy(asc(venueOrders.orderId))
      .limit(RESOLUTIONS_MAX);
    // Whoever owns a book settles nothing of it while it looks around, so what is found holds until it is carried out.
    return { rows: agreed, known: await reportedOf(tx, agreed) };
  });
  for (const { orderId, instrumentId, book: name, resolution, resolutionId } of rows) {
    const book = desk.find({ instrumentId, book: name });
    if (book?.ready && book.venue !== null && resolution !== null && resolutionId !== null) {
      const named = resolution.executions.map(({ executionId }) => executionId);
      // A report of one that waits in the queue is settled first.
      if ([resolutionId, ...named].every((id) => !book.reporting.has(id))) {
        for (const id of [resolutionId, ...named]) {
          book.reporting.add(id);
        }
        const executions = resolution.executions.filter(
          ({ executionId }) => !known.has(reportOf(orderId, executionId)),
        );
        book.queue.push({
          type: 'resolve',
          orderId,
          resolution: { ...resolution, executions },
          resolutionId,
        });
      }
    }
  }
}

/** What venues have said of orders themselves. */
async function reportedOf(tx: Tx, rows: readonly { readonly orderId: Id }[]): Promise<ReadonlySet<string>> {
  const orderIds = rows.map(({ orderId }) => orderId);
  const reports =
    orderIds.length === 0
      ? []
      : await tx
          .select({ orderId: venueReports.orderId, reportKey: venueReports.reportKey })
          .from(venueReports)
          .where(inArray(venueReports.orderId, orderIds));
  return new Set(reports.map(({ orderId, reportKey }) => reportOf(orderId, reportKey)));
}

function reportOf(orderId: Id, reportKey: string): string {
  return `${orderId} ${reportKey}`;
}
