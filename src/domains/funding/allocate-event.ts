/**
 * Money that lies with a provider and fits no deposit: nobody announced it, or not like this. Two people give it to an
 * account, as a deposit of its own that the event proves: it can be called back, is settled and is paid over like any
 * other of that provider.
 */
import { and, eq, inArray, ne, or } from 'drizzle-orm';
import { formatAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive, lockRow } from '../../platform/db/locks.ts';
import { approvals } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { accountAllows, findAccount } from '../accounts/index.ts';
import { openThirdPartyAlert } from '../aml/index.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { customerWallet, requireAsset } from '../ledger/index.ts';
import { type Terms, termsOfArrived } from './announced-terms.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { CHECKERS } from './checkers.ts';
import { clearingDays, creditDeposit, receivingWallet } from './credit-deposit.ts';
import { customerNameOf } from './customer-name.ts';
import { refuseFunding } from './errors.ts';
import { payloadOf } from './evidence/event-payload.ts';
import type { InboundEvent } from './evidence/keep-event.ts';
import { inboundEvents } from './evidence/schema.ts';
import { AFTER_CREDIT, DISPUTED, OUT_OF_ORDER, UNFITTING } from './follow-payment.ts';
import { isSameHolder } from './holder-name.ts';
import { lockCreditPathOf } from './lock-money-path.ts';
import { allocatedReference, bearerOf } from './payment-bearer.ts';
import { type PaymentEvent, readPaymentEvent } from './payment-event.ts';
import { readPaymentReference } from './payment-reference.ts';
import { lookAgain } from './receive-payment-event.ts';
import { recordDeposit } from './record-deposit.ts';
import { refuseOwnDeposit } from './refuse-own-evidence.ts';
import { depositMayBecome, type FundingMethod, fitsAsset, methodSuits } from './rules.ts';
import { deposits, fundingMethod } from './schema.ts';
import type { Deposit } from './store.ts';

const ALLOCATE = 'inbound_event.allocate';

type Owner = { readonly userId: Id; readonly accountId: Id };
type Payment = NonNullable<PaymentEvent['payment']>;
type Agreed = { readonly accountId: Id; readonly creditedId?: Id };

/** Money that may be given to an account. */
type Allocatable = Payment & {
  readonly method: FundingMethod;
  /** The deposit its event names, where a line or a person credited that with another payment. */
  readonly creditedId: Id | null;
};

/**
 * Asks another person to give the money of a kept event to an account. Where the provider names somebody else as payer,
 * compliance hears of it first: the customer's gate is shut until they agree, and the vote waits for it.
 * @effects one row of `approvals`, perhaps an alert on the payer; audit `restricted_approval.requested`
 * @errors not_found, self_action, event_not_kept, event_not_allocatable, payment_credited, deposit_status_conflict,
 *   unknown_asset, amount_too_precise, method_not_supported, account_not_live, account_not_active,
 *   approval_pending_exists
 */
export async function allocateEvent(
  ctx: Ctx,
  input: {
    readonly id: Id;
    readonly accountId: Id;
    /** That it is another payment than the one by which the deposit it names was credited. */
    readonly second?: boolean | undefined;
    readonly reason: string;
  },
): Promise<Approval> {
  return transact(ctx, 'engine', async (tx) => {
    const event = await findEvent(tx, input.id);
    const { accountId } = input;
    const { userId, type, status } = await findAccount(tx, ctx, accountId);
    refuseSelfAction(ctx, userId);
    await refuseOwnDeposit(tx, ctx, event.depositId);
    const payment = await allocatable(tx, ctx, event, input.second === true);
    // Before compliance hears of it, which shuts the customer's gate.
    if (type !== 'live') {
      throw refuseFunding('account_not_live');
    }
    if (!accountAllows(status, 'money_in')) {
      throw refuseFunding('account_not_active');
    }
    await tellOfPayer(tx, ctx, event, payment, userId);
    return requestApproval(tx, ctx, {
      action: ALLOCATE,
      subjectType: 'inbound_event',
      subjectId: event.id,
      subjectUserId: userId,
      payload: allocationPayload(event, payment, accountId, await termsOf(tx, event, payment, userId)),
      quorum: 1,
      checkerRoles: CHECKERS,
      reason: input.reason,
    });
  });
}

/** What the last vote on an allocation does. */
export const eventAllocation: ApprovalAction = {
  action: ALLOCATE,
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { accountId, creditedId } = approved.payload as Agreed;
    const owner = { userId: (await findAccount(tx, ctx, accountId)).userId, accountId };
    const known = await findEvent(tx, approved.subjectId);
    await refuseOwnVote(tx, known, approved.checkerIds);
    await lockPayment(tx, ctx, known);
    await lockCreditPathOf(tx, owner);
    const event = present(await lockRow(tx, inboundEvents, known.id), 'events are never deleted');
    const payment = await allocatable(tx, ctx, event, creditedId !== undefined);
    const terms = await termsOf(tx, event, payment, owner.userId);
    const stored = allocationPayload(event, payment, accountId, terms);
    if (canonicalJson(stored) !== canonicalJson(approved.payload as Json)) {
      throw refuseFunding('approved_request_changed');
    }
    const deposit = await announce(tx, ctx, owner, event, payment, terms);
    await settle(tx, ctx, event, deposit);
    await bringBack(tx, ctx, event, payment, deposit);
    const credited = await creditDeposit(tx, ctx, deposit, {
      from: await receivingWallet(tx, ctx, deposit),
      payerName: payment.payerName,
      evidence: { providerEventId: event.id, approvalId: approved.approvalId },
    });
    await lookAgain(tx, ctx, credited);
  },
};

/** Staff whose deposit an event names do not decide whose its money is. @errors self_approval */
async function refuseOwnVote(
  tx: Tx,
  { depositId }: InboundEvent,
  checkerIds: readonly string[],
): Promise<void> {
  const [named] =
    depositId === null
      ? []
      : await tx.select({ userId: deposits.userId }).from(deposits).where(eq(deposits.id, depositId));
  if (named !== undefined && checkerIds.includes(named.userId)) {
    throw refuse('self_approval');
  }
}

async function findEvent(tx: Tx, id: Id): Promise<InboundEvent> {
  const [event] = await tx.select().from(inboundEvents).where(eq(inboundEvents.id, id));
  if (event === undefined) {
    throw refuse('not_found');
  }
  return event;
}

/** The events of one payment come one after the other, and none while it is given away. */
async function lockPayment(tx: Tx, ctx: Ctx, event: InboundEvent): Promise<void> {
  const payment = readPaymentEvent(payloadOf(ctx, event))?.payment;
  const reference = readPaymentReference(payment?.paymentReference ?? '') ?? event.eventId;
  await lockExclusive(tx, [
    `payment:${reference}`,
    ...(payment === undefined ? [] : [`paid:${event.provider}:${payment.providerReference}`]),
  ]);
}

/** What the provider has, where it is money that no other deposit is or may become. */
async function allocatable(tx: Tx, ctx: Ctx, event: InboundEvent, second: boolean): Promise<Allocatable> {
  if (event.state !== 'kept') {
    throw refuseFunding('event_not_kept');
  }
  const payment = readPaymentEvent(payloadOf(ctx, event))?.payment;
  const isCleared = event.type === 'payment.cleared' && UNFITTING.some((reason) => reason === event.reason);
  if (!isCleared || payment === undefined || payment.amount <= 0n) {
    throw refuseFunding('event_not_allocatable');
  }
  const bearer = await bearerOf(tx, event.provider, payment);
  if (bearer !== undefined && bearer.status !== 'failed') {
    throw refuseFunding('payment_credited', { detail: `Deposit ${bearer.id} is ${bearer.status}.` });
  }
  const creditedId = await creditedOtherwise(tx, event, second);
  const asset = await requireAsset(tx, payment.currency);
  if (!fitsAsset(payment.amount, asset)) {
    throw refuseFunding('amount_too_precise');
  }
  const method = fundingMethod.enumValues.find((known) => known === payment.method);
  if (method === undefined || !methodSuits(method, asset)) {
    throw refuseFunding('method_not_supported');
  }
  await clearingDays(tx, method);
  return { ...payment, method, creditedId };
}

/**
 * The deposit an event names is for the same money, unless two people say that it is a second payment: a line of the bank
 * or a person's word may credit it still, or did. What failed never opens again and what a provider's event credited is a
 * payment of its own, so that neither is locked.
 * @shape the deposit that was credited with another payment
 * @errors deposit_status_conflict, payment_credited
 */
async function creditedOtherwise(tx: Tx, { depositId }: InboundEvent, second: boolean): Promise<Id | null> {
  const [announced] =
    depositId === null ? [] : await tx.select().from(deposits).where(eq(deposits.id, depositId));
  if (announced === undefined || announced.status === 'failed' || announced.providerEventId !== null) {
    return null;
  }
  const { id, status } = announced;
  if (depositMayBecome(status, 'failed')) {
    throw refuseFunding('deposit_status_conflict', { detail: `Deposit ${id} is ${status}: fail it first.` });
  }
  if (!second) {
    const detail = `Deposit ${id} is ${status}, by a line of the bank or by hand. Say where this is a second payment.`;
    throw refuseFunding('payment_credited', { detail });
  }
  return id;
}

/** Once for an event and a customer. */
async function tellOfPayer(
  tx: Tx,
  ctx: Ctx,
  event: InboundEvent,
  { payerName }: Payment,
  userId: Id,
): Promise<void> {
  if (payerName === undefined || isSameHolder(payerName, await customerNameOf(tx, ctx, userId))) {
    return;
  }
  const [asked] = await tx
    .select({ id: approvals.id })
    .from(approvals)
    .where(
      and(
        eq(approvals.action, ALLOCATE),
        eq(approvals.subjectId, event.id),
        eq(approvals.subjectUserId, userId),
      ),
    )
    .limit(1);
  if (asked === undefined) {
    await openThirdPartyAlert(tx, ctx, { userId, payerName });
  }
}

/** At which fee it is credited: whoever announced it, and took that back, is asked what they were shown. */
function termsOf(
  tx: Tx,
  { depositId: namedId }: InboundEvent,
  { currency: asset, amount, method }: Allocatable,
  userId: Id,
): Promise<Terms> {
  return termsOfArrived(tx, { userId, asset, amount, method, namedId });
}

/** What the checkers see, read anew from the body the provider signed. */
function allocationPayload(
  { provider, eventId, occurredAt, depositId }: InboundEvent,
  { amount, currency, method, creditedId }: Allocatable,
  accountId: Id,
  { fee, announcedId }: Terms,
): { readonly [key: string]: Json } {
  return {
    provider,
    eventId,
    occurredAt,
    depositId,
    amount: formatAmount(amount),
    asset: currency,
    method,
    accountId,
    ...(creditedId === null ? {} : { creditedId }),
    ...(announcedId === null ? {} : { announcedId, fee: formatAmount(fee) }),
  };
}

/** A deposit that staff announce: no limit keeps out what came, and it counts in each. */
async function announce(
  tx: Tx,
  ctx: Ctx,
  owner: Owner,
  event: InboundEvent,
  { amount, currency: asset, method, providerReference }: Allocatable,
  { fee, announcedId }: Terms,
): Promise<Deposit> {
  const wallet = await customerWallet(tx, ctx, { ...owner, book: 'live' }, asset);
  return recordDeposit(tx, ctx, {
    ...owner,
    walletId: wallet.id,
    asset,
    amount,
    fee,
    method,
    provider: event.provider,
    providerReference: allocatedReference(providerReference),
    metadata: { inboundEventId: event.id, ...(announcedId === null ? {} : { announcedId }) },
  });
}

async function settle(tx: Tx, ctx: Ctx, before: InboundEvent, { id: depositId }: Deposit): Promise<void> {
  const [row] = await tx
    .update(inboundEvents)
    .set({ state: 'processed', reason: null, depositId, settledAt: ctx.deps.clock.now() })
    .where(eq(inboundEvents.id, before.id))
    .returning();
  await record(tx, ctx, {
    event: FUNDING_EVENTS['payment_event.allocated'],
    resource: { type: 'inbound_event', id: before.id },
    subjectUserId: null,
    before,
    after: present(row, 'the event was locked'),
  });
}

/**
 * What the provider told before of money of this payment that went back or is disputed, closed by a person or not: it
 * follows the credit, so that nobody keeps what is not there.
 */
async function bringBack(
  tx: Tx,
  ctx: Ctx,
  { provider }: InboundEvent,
  { providerReference }: Payment,
  { id: depositId }: Deposit,
): Promise<void> {
  const told = await tx
    .select()
    .from(inboundEvents)
    .where(
      and(
        eq(inboundEvents.provider, provider),
        inArray(inboundEvents.type, [...AFTER_CREDIT]),
        or(eq(inboundEvents.state, 'kept'), eq(inboundEvents.reason, 'closed_by_person')),
        // An open dispute is of a payment that was credited already.
        ne(inboundEvents.reason, DISPUTED),
      ),
    )
    .orderBy(inboundEvents.id);
  for (const before of told) {
    const payment = readPaymentEvent(payloadOf(ctx, before))?.payment;
    if (payment?.providerReference !== providerReference) {
      continue;
    }
    const [row] = await tx
      .update(inboundEvents)
      .set({ state: 'kept', reason: OUT_OF_ORDER, depositId, settledAt: null })
      .where(eq(inboundEvents.id, before.id))
      .returning();
    await record(tx, ctx, {
      event: FUNDING_EVENTS['payment_event.allocated'],
      resource: { type: 'inbound_event', id: before.id },
      subjectUserId: null,
      before,
      after: present(row, 'events are never deleted'),
    });
  }
}
