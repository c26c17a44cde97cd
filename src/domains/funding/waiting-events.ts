import { and, eq, inArray } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { refuseFunding } from './errors.ts';
import { inboundEvents } from './evidence/schema.ts';
import { HELD, OUT_OF_ORDER } from './follow-payment.ts';

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
