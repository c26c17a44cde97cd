import type { Id } from '../../../kernel/id.ts';
import { newId } from '../../../kernel/id.ts';
import type { ActivityKind } from '../../../platform/activity.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { chosenMonitoringVendor } from './chosen-vendor.ts';
import { monitoringVendorRequests } from './schema.ts';

type Watched = { readonly id: Id; readonly userId: Id; readonly kind: ActivityKind };

/**
 * Notes activities for the outside vendor, in the transaction that watches them. Nobody is asked here: a job does
 * that, so that no transaction of a customer's waits for anybody outside.
 * @effects rows of `monitoring_vendor_requests`; none without a vendor, or for kinds it is not asked about
 */
export async function askMonitoringVendorLater(tx: Tx, ctx: Ctx, watched: readonly Watched[]): Promise<void> {
  const vendor = chosenMonitoringVendor(ctx.deps);
  if (vendor === undefined) {
    return;
  }
  const rows = watched
    .filter(({ kind }) => vendor.kinds.includes(kind))
    .map(({ id, userId }) => ({ id: newId(), activityId: id, userId }));
  await insertRows(tx, monitoringVendorRequests, rows, {
    vendor: vendor.name,
    status: 'waiting',
    createdAt: ctx.deps.clock.now(),
    nextAt: ctx.deps.clock.realNow(),
  });
}
