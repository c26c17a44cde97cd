import type { Id } from '../../../kernel/id.ts';
import { newId } from '../../../kernel/id.ts';
import type { ActivityKind } from '../../../platform/activity.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { chosenMonitoringVendor } from './chosen-vendor.ts';
import { monitoringVendorRequests } from './schema.ts';

type Watched = { readonly id: Id; readonly userId: Id; readonly kind: ActivityKind };

/**
 * Notes an activity for the outside vendor, in the transaction that watches it. Nobody is asked here: a job does
 * that, so that no transaction of a customer's waits for anybody outside.
 * @effects a row of `monitoring_vendor_requests`; none without a vendor, or for a kind it is not asked about
 */
export async function askMonitoringVendorLater(tx: Tx, ctx: Ctx, watched: Watched): Promise<void> {
  const vendor = chosenMonitoringVendor(ctx.deps);
  if (vendor === undefined || !vendor.kinds.includes(watched.kind)) {
    return;
  }
  await tx.insert(monitoringVendorRequests).values({
    id: newId(),
    activityId: watched.id,
    userId: watched.userId,
    vendor: vendor.name,
    status: 'waiting',
    createdAt: ctx.deps.clock.now(),
    nextAt: ctx.deps.clock.realNow(),
  });
}
