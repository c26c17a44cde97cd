import { and, eq } from 'drizzle-orm';
import { type Amount, sumAmounts, ZERO } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { equalSecrets, sha256 } from '../../platform/crypto/keyring.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive, lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { accountAllows, accountsByIds } from '../accounts/index.ts';
import { openThirdPartyAlert } from '../aml/index.ts';
import { gateRefusal, lockGateExclusively, lockGates } from '../identity/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { creditDeposit, receivingWallet } from './credit-deposit.ts';
import { customerNameOf } from './customer-name.ts';
import { beginDispute, type Dispute, disputeOf, endDisputes } from './disputes/disputes.ts';
import { refuseFunding } from './errors.ts';
import { payloadOf } from './evidence/event-payload.ts';
import { type InboundEvent, keepEvent, settleEvent } from './evidence/keep-event.ts';
import { inboundEvents } from './evidence/schema.ts';
import {
  AFTER_CREDIT,
  followPayment,
  OUT_OF_ORDER,
  type PaymentFacts,
  type PaymentStep,
} from './follow-payment.ts';
import { depositEvent } from './funding-events.ts';
import { isSameHolder } from './holder-name.ts';
import { bearerOf } from './payment-bearer.ts';
import { type PaymentEvent, readPaymentEvent } from './payment-event.ts';
import { isSigned, providerNamed } from './payment-providers.ts';
import { readPaymentReference } from './payment-reference.ts';
import { hasOpenReceipt } from './receipts.ts';
import { deposits } from './schema.ts';
import type { Deposit } from './store.ts';
import { takePayoutNews, withdrawalOf } from './submissions/take-news.ts';
import { takeBackDeposit } from './take-back-deposit.ts';
import { isHeld } from './waiting-events.ts';
import { repayments } from './work/schema.ts';

export type SignedEvent = {
  readonly provider: string;
  readonly timestamp: string;
  readonly signature: string;
  readonly body: Uint8Array;
};

/**
 * Takes an event of a payment provider, each once: the same event again answers what became of it the first
 * time; another body under its name is kept for a person. Whatever cannot be followed is kept for a person and answered as received, so that the provider
 * stops sending it.
 * @effects one row of `inbound_events`, what the event does to its deposit, and events that waited for it;
 *   audit `payment_event.received`
 * @errors not_found (no such provider), webhook_signature_invalid, webhook_malformed
 */
export async function receivePaymentEvent(ctx: Ctx, sent: SignedEvent): Promise<InboundEvent> {
  const provider = providerNamed(ctx.deps, sent.provider);
  if (provider === undefined) {
    throw refuse('not_found');
  }
  if (!isSigned(ctx.deps, provider, sent)) {
    throw refuseFunding('webhook_signature_invalid');
  }
  const event = readPaymentEvent(sent.body);
  if (event === undefined) {
    throw refuseFunding('webhook_malformed');
  }
  const asProvider: Ctx = { ...ctx, actor: { kind: 'webhook', provider: provider.name }, login: 'engine' };
  return transact(asProvider, 'engine', async (tx) => {
    // Each event once, and those of one payment one after the other.
    const payment = readPaymentReference(event.payment?.paymentReference ?? '') ?? event.id;
    const named =
      event.payment === undefined ? [] : [`paid:${provider.name}:${event.payment.providerReference}`];
    await lockExclusive(tx, [`inbound_event:${provider.name}:${event.id}`, `payment:${payment}`, ...named]);
    const [known] = await tx
      .select()
      .from(inboundEvents)
      .where(and(eq(inboundEvents.provider, provider.name), eq(inboundEvents.eventId, event.id)));
    if (known === undefined) {
      return take(tx, asProvider, provider.name, event, sent.body);
    }
    const isSame = equalSecrets(sha256(payloadOf(asProvider, known)), sha256(sent.body));
    return isSame ? known : keepReused(tx, asProvider, provider.name, event, sent.body);
  });
}

/**
 * Keeps another body under the name of an event that was taken already: which of the two is true, a person finds out.
 * No name of a provider has a space in it, so that this one is no event's.
 */
async function keepReused(
  tx: Tx,
  ctx: Ctx,
  provider: string,
  event: PaymentEvent,
  body: Uint8Array,
): Promise<InboundEvent> {
  const eventId = `${event.id} ${Buffer.from(sha256(body)).toString('hex').slice(0, 32)}`;
  const [known] = await tx
    .select()
    .from(inboundEvents)
    .where(and(eq(inboundEvents.provider, provider), eq(inboundEvents.eventId, eventId)));
  if (known !== undefined) {
    return known;
  }
  const found = await depositOf(tx, provider, event);
  const row = await keepEvent(tx, ctx, {
    provider,
    event: { ...event, id: eventId },
    body,
    depositId: found?.id,
    withdrawalId: await withdrawalOf(tx, event.payout),
  });
  return settle(tx, ctx, row, { kind: 'keep', reason: 'event_id_reused' });
}

async function take(
  tx: Tx,
  ctx: Ctx,
  provider: string,
  event: PaymentEvent,
  body: Uint8Array,
): Promise<InboundEvent> {
  if (event.payout !== undefined) {
    return takePayoutNews(tx, ctx, { provider, event, news: event.payout, body });
  }
  const found = await depositOf(tx, provider, event);
  const inserted = await keepEvent(tx, ctx, { provider, event, body, depositId: found?.id });
  if (found === undefined) {
    return settle(tx, ctx, inserted, followPayment(await factsOf(tx, ctx, inserted, event, undefined)));
  }
  const approvals = await lockOpenApprovals(tx, found.id);
  // An alert on the payer changes the gate, and so may what the monitoring finds in the credit.
  await lockGateExclusively(tx, found.userId);
  const name = await customerNameOf(tx, ctx, found.userId);
  const payer = payerOf(event, name);
  // The alert comes before the gate is read; whether it is due, the row's lock may still undo.
  const guess = followPayment({ ...(await factsOf(tx, ctx, inserted, event, found)), payer });
  if (guess.kind === 'hold' && guess.reason === 'third_party_payer') {
    await openThirdPartyAlert(tx, ctx, {
      userId: found.userId,
      payerName: event.payment?.payerName ?? '',
    });
  }
  const accepts = await acceptsMoney(tx, found);
  const deposit = present(await lockRow(tx, deposits, found.id), 'deposits are never deleted');
  const facts = { ...(await factsOf(tx, ctx, inserted, event, deposit)), payer, accepts };
  const step = followPayment(facts);
  if (step.kind === 'credit' || step.kind === 'fail') {
    await cancelApprovals(tx, ctx, approvals);
  }
  const after = await perform(tx, ctx, { event, inbound: inserted, deposit, step });
  const settled = await settle(tx, ctx, inserted, step);
  await lookAgain(tx, ctx, after);
  return settled;
}

/**
 * The deposit an event is of: the one its reference names, or that was credited with this very payment. Of money that
 * went back, or may, the latter is asked first: two people may have given the payment to a deposit of another reference.
 */
async function depositOf(
  tx: Tx,
  provider: string,
  { type, payment }: PaymentEvent,
): Promise<Deposit | undefined> {
  const reference = readPaymentReference(payment?.paymentReference ?? '');
  const [named] =
    reference === undefined
      ? []
      : await tx.select().from(deposits).where(eq(deposits.paymentReference, reference));
  const bearer = await bearerOf(tx, provider, payment);
  const credited = bearer?.journalId == null ? undefined : bearer;
  return AFTER_CREDIT.some((each) => each === type) ? (credited ?? named) : (named ?? credited);
}

/** Follows events that came before the one they follow from, in the order they happened. @effects as they have */
export async function lookAgain(tx: Tx, ctx: Ctx, deposit: Deposit): Promise<void> {
  const waiting = await tx
    .select()
    .from(inboundEvents)
    .where(
      and(
        eq(inboundEvents.depositId, deposit.id),
        eq(inboundEvents.state, 'kept'),
        eq(inboundEvents.reason, OUT_OF_ORDER),
      ),
    )
    .orderBy(inboundEvents.occurredAt, inboundEvents.id);
  let current = deposit;
  for (const inbound of waiting) {
    const event = present(readPaymentEvent(payloadOf(ctx, inbound)), 'what was kept was read before');
    const step = followPayment(await factsOf(tx, ctx, inbound, event, current));
    if (step.kind !== 'keep') {
      current = await perform(tx, ctx, { event, inbound, deposit: current, step });
      await settle(tx, ctx, inbound, step);
    }
  }
}

async function factsOf(
  tx: Tx,
  ctx: Ctx,
  inbound: InboundEvent,
  { payment }: PaymentEvent,
  deposit: Deposit | undefined,
): Promise<PaymentFacts> {
  const { type, provider } = inbound;
  const hasReceipt = deposit !== undefined && (await hasOpenReceipt(tx, deposit.id));
  const held = deposit !== undefined && (await isHeld(tx, deposit.id));
  const bearer = await bearerOf(tx, provider, payment);
  const isOfAnother = bearer === undefined ? deposit?.providerReference != null : bearer.id !== deposit?.id;
  return {
    type,
    provider,
    payment,
    deposit,
    isOfAnother,
    hasReceipt,
    held,
    repaid: deposit === undefined ? ZERO : await repaidOf(tx, deposit.id),
    payer: 'unnamed',
    accepts: false,
    dispute: await disputeNamed(tx, ctx, inbound, payment, deposit),
  };
}

async function disputeNamed(
  tx: Tx,
  ctx: Ctx,
  inbound: InboundEvent,
  payment: PaymentEvent['payment'],
  deposit: Deposit | undefined,
): Promise<Dispute> {
  const reference = payment?.disputeReference;
  return reference === undefined || deposit === undefined
    ? { opened: [], disputed: ZERO, isEnded: false }
    : disputeOf(tx, ctx, inbound, { depositId: deposit.id, reference });
}

/** What of a deposit two people sent back from the bank it had reached, also where they gave that up: it stays taken back. */
async function repaidOf(tx: Tx, depositId: Id): Promise<Amount> {
  const rows = await tx
    .select({ amount: repayments.amount })
    .from(repayments)
    .where(eq(repayments.depositId, depositId));
  return sumAmounts(rows.map(({ amount }) => amount));
}

function payerOf({ payment }: PaymentEvent, name: string): PaymentFacts['payer'] {
  if (payment?.payerName === undefined) {
    return 'unnamed';
  }
  return isSameHolder(payment.payerName, name) ? 'customer' : 'other';
}

async function acceptsMoney(tx: Tx, { userId, accountId }: Deposit): Promise<boolean> {
  const gate = (await lockGates(tx, [userId])).get(userId);
  const account = (await accountsByIds(tx, [accountId])).get(accountId);
  const open = account?.type === 'live' && accountAllows(account.status, 'money_in');
  return open && gateRefusal(gate, 'money_in') === null;
}

type Performance = {
  readonly event: PaymentEvent;
  readonly inbound: InboundEvent;
  readonly deposit: Deposit;
  readonly step: PaymentStep;
};

/** Does to the locked deposit what was decided. @shape the deposit as it is then */
async function perform(tx: Tx, ctx: Ctx, { event, inbound, deposit, step }: Performance): Promise<Deposit> {
  switch (step.kind) {
    case 'begin':
    case 'hold':
      return change(tx, ctx, deposit, inbound, event, 'processing');
    case 'fail':
      return change(tx, ctx, deposit, inbound, event, 'failed');
    case 'credit': {
      const theirs = await change(tx, ctx, deposit, inbound, event, 'processing');
      const from = await receivingWallet(tx, ctx, theirs);
      return creditDeposit(tx, ctx, theirs, {
        from,
        payerName: event.payment?.payerName,
        evidence: { providerEventId: inbound.id },
      });
    }
    case 'refunded':
    case 'charged_back': {
      const evidence = { reversalEventId: inbound.id };
      const lost =
        inbound.type === 'payment.dispute_lost'
          ? (await disputeNamed(tx, ctx, inbound, event.payment, deposit)).opened
          : [];
      const back = { to: step.kind, total: step.total, evidence, lost };
      return (await takeBackDeposit(tx, ctx, deposit, back)).deposit;
    }
    case 'dispute':
      return beginDispute(tx, ctx, deposit, inbound);
    case 'end_dispute': {
      const { opened } = await disputeNamed(tx, ctx, inbound, event.payment, deposit);
      const { reason } = step;
      return endDisputes(
        tx,
        ctx,
        deposit,
        opened.map((dispute) => ({ event: dispute, reason })),
      );
    }
    case 'keep':
    case 'ignore':
      return deposit;
  }
}

/** From its first event on a deposit is the provider's, and its money lies with them. */
async function change(
  tx: Tx,
  ctx: Ctx,
  before: Deposit,
  { provider }: InboundEvent,
  { payment }: PaymentEvent,
  status: 'processing' | 'failed',
): Promise<Deposit> {
  const [row] = await tx
    .update(deposits)
    .set({
      status,
      provider,
      providerReference: before.providerReference ?? (await freeReference(tx, provider, payment)),
      ...(status === 'failed' ? { failureReason: 'not_received' } : {}),
      version: before.version + 1,
    })
    .where(eq(deposits.id, before.id))
    .returning();
  const after = present(row, 'the deposit was locked');
  await record(tx, ctx, {
    event: FUNDING_EVENTS[status === 'failed' ? 'deposit.failed' : 'deposit.received'],
    resource: { type: 'deposit', id: after.id },
    subjectUserId: after.userId,
    before,
    after,
  });
  if (status === 'failed') {
    await publish(tx, ctx, [depositEvent('funding.deposit_failed', after)]);
  }
  return after;
}

/** A provider's own name for the payment, unless another deposit bears it. */
async function freeReference(
  tx: Tx,
  provider: string,
  payment: PaymentEvent['payment'],
): Promise<string | null> {
  const bearer = await bearerOf(tx, provider, payment);
  return bearer === undefined ? (payment?.providerReference ?? null) : null;
}

async function settle(tx: Tx, ctx: Ctx, before: InboundEvent, step: PaymentStep): Promise<InboundEvent> {
  const kept = step.kind === 'keep' || step.kind === 'hold' || step.kind === 'dispute';
  const state = kept ? 'kept' : step.kind === 'ignore' ? 'ignored' : 'processed';
  return settleEvent(tx, ctx, before, { state, reason: 'reason' in step ? step.reason : null });
}
