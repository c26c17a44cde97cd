import { and, eq, inArray } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { refuseFunding } from './errors.ts';
import { inboundEvents } from './evidence/schema.ts';
import { HELD, OUT_OF_ORDER, UNFITTING } from './follow-payment.ts';

/**
 * A provider that says the money went back before anybody saw it come: one person's word and another's
 * vote are no evidence that it is there.
 * @errors deposit_taken_back
 */
export async function refuseTakenBack(tx: Tx, depositId: Id): Promise<void> {
  if (await waits(tx, depositId, [OUT_OF_ORDER])) {
    throw refuseFunding('deposit_taken_back');
  }
}

/**
 * A provider that has money for the deposit which does not fit it: cleared by hand, the books would have the bank hold
 * what the provider holds. First that money is given to an account, or the event is closed.
 * @errors deposit_has_event
 */
export async function refuseUnfitting(tx: Tx, depositId: Id): Promise<void> {
  if (await waits(tx, depositId, UNFITTING)) {
    throw refuseFunding('deposit_has_event');
  }
}

/** Whether a provider reported the deposit's money and a person has to decide about it. */
export async function isHeld(tx: Tx, depositId: Id): Promise<boolean> {
  return waits(tx, depositId, HELD);
}

async function waits(tx: Tx, depositId: Id, reasons: readonly string[]): Promise<boolean> {
  const [kept] = await tx
    .select({ id: inboundEvents.id })
    .from(inboundEvents)
    .where(
      and(
        eq(inboundEvents.depositId, depositId),
        eq(inboundEvents.state, 'kept'),
        inArray(inboundEvents.reason, [...reasons]),
      ),
    )
    .limit(1);
  return kept !== undefined;
}
