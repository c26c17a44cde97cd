import { eq } from 'drizzle-orm';
import { formatAmount } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { recordReads } from '../identity/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { payloadOf } from './evidence/event-payload.ts';
import { inboundEvents } from './evidence/schema.ts';
import { type PaymentEvent, readPaymentEvent } from './payment-event.ts';
import { refuseOwnDeposit, refuseOwnPayout } from './refuse-own-evidence.ts';

/**
 * One event of a provider with its body, as it was signed, and what of it is understood.
 * @effects audit `payment_event.read`
 * @errors not_found, self_action
 */
export async function getInboundEvent(ctx: Ctx, id: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const [event] = await tx.select().from(inboundEvents).where(eq(inboundEvents.id, id));
    if (event === undefined) {
      throw refuse('not_found');
    }
    await refuseOwnDeposit(tx, ctx, event.depositId);
    await refuseOwnPayout(tx, ctx, event.withdrawalId);
    const body = payloadOf(ctx, event);
    await recordReads(tx, ctx, [
      {
        event: FUNDING_EVENTS['payment_event.read'],
        resource: { type: 'inbound_event', id: event.id },
        subjectUserId: null,
        after: event,
      },
    ]);
    const payment = readPaymentEvent(body)?.payment;
    return { ...event, body: new TextDecoder().decode(body), payment: payment ? shown(payment) : null };
  });
}

function shown(payment: NonNullable<PaymentEvent['payment']>) {
  const { paymentReference, providerReference, amount, currency, method, payerName } = payment;
  const { takenBack, disputeReference, disputed } = payment;
  return {
    paymentReference,
    providerReference,
    amount: formatAmount(amount),
    currency,
    method,
    payerName: payerName ?? null,
    takenBack: takenBack === undefined ? null : formatAmount(takenBack),
    disputeReference: disputeReference ?? null,
    disputed: disputed === undefined ? null : formatAmount(disputed),
  };
}
