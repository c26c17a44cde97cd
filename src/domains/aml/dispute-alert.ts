import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { openAlert } from './alerts/open-alert.ts';

/**
 * Tells compliance that whoever paid for a customer disputes it with their bank or card. It asks for a look and shuts no
 * gate: what is disputed is held by itself.
 * @effects those of `openAlert`
 */
export async function openDisputeAlert(
  tx: Tx,
  ctx: Ctx,
  dispute: {
    readonly userId: Id;
    readonly depositId: Id;
    /** The event by which the provider told of it. */
    readonly eventId: Id;
  },
): Promise<void> {
  await openAlert(tx, ctx, {
    userId: dispute.userId,
    kind: 'monitoring',
    dedupKey: `dispute:${dispute.eventId}`,
    severity: 'medium',
    effect: 'review',
    sourceRef: `deposit:${dispute.depositId}`,
  });
}
