import { type Id, newId } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { chosenVendor } from './chosen-vendor.ts';
import { vendorRequests } from './schema.ts';

/**
 * Notes screenings for the outside vendor, in the transaction that keeps them. Nobody is asked here: a job does
 * that, so that no transaction of a customer's waits for anybody outside.
 * @effects rows of `vendor_requests`; none without a vendor
 */
export async function askVendorLater(
  tx: Tx,
  ctx: Ctx,
  kept: readonly { readonly id: Id; readonly userId: Id | null }[],
): Promise<void> {
  const vendor = chosenVendor(ctx.deps);
  if (vendor === undefined) {
    return;
  }
  const rows = kept.map(({ id, userId }) => ({ id: newId(), screeningId: id, userId }));
  await insertRows(tx, vendorRequests, rows, {
    vendor: vendor.name,
    status: 'waiting',
    createdAt: ctx.deps.clock.now(),
    nextAt: ctx.deps.clock.realNow(),
  });
}
