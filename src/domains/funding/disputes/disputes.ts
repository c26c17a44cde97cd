/**
 * Deposits whose payer disputes them. What a provider tells of it waits as the event that opened the dispute; as much as
 * is free is on hold for that event, without an end of its own, and is what a charge-back takes first.
 */
import { and, eq, inArray, ne } from 'drizzle-orm';
import {
  type Amount,
  amountOf,
  formatAmount,
  maxAmount,
  minAmount,
  parseAmount,
  sumAmounts,
  ZERO,
} from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { dayOf } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { openDisputeAlert } from '../../aml/index.ts';
import {
  captureHold,
  createHold,
  findHold,
  type Hold,
  lockSpendable,
  releaseHold,
} from '../../ledger/index.ts';
import { FUNDING_EVENTS } from '../audit.ts';
import { changeUnsettled } from '../credit-deposit.ts';
import { payloadOf } from '../evidence/event-payload.ts';
import type { InboundEvent } from '../evidence/keep-event.ts';
import { inboundEvents } from '../evidence/schema.ts';
import { DISPUTED, DISPUTES, OUT_OF_ORDER } from '../follow-payment.ts';
import { readPaymentEvent } from '../payment-event.ts';
import { deposits } from '../schema.ts';
import type { Deposit } from '../store.ts';

const [OPENED, WON] = DISPUTES;

/** How a dispute ended: as its provider told, with all of its deposit, or by people. */
export type DisputeEnd = 'dispute_won' | 'dispute_lost' | 'taken_back' | 'ended_by_people';

export type Dispute = {
  /** The events that opened it, while it is open: of several each said more than those before. */
  readonly opened: readonly InboundEvent[];
  readonly disputed: Amount;
  readonly isEnded: boolean;
};

/** What is known of the dispute that an event of a deposit names, from every other event of it. */
export async function disputeOf(
  tx: Tx,
  ctx: Ctx,
  { id, provider, type, occurredAt }: InboundEvent,
  { depositId, reference }: { readonly depositId: Id; readonly reference: string },
): Promise<Dispute> {
  const told = await tx
    .select()
    .from(inboundEvents)
    .where(
      and(
        eq(inboundEvents.depositId, depositId),
        eq(inboundEvents.provider, provider),
        inArray(inboundEvents.type, [...DISPUTES]),
        ne(inboundEvents.id, id),
      ),
    )
    .orderBy(inboundEvents.id);
  const named = told.filter((event) => saidBy(ctx, event)?.reference === reference);
  // An end that is told of late does not end what was opened again since.
  const opened = named.filter(
    (event) => isOpenDispute(event) && (type === OPENED || event.occurredAt <= occurredAt),
  );
  return {
    opened,
    disputed: opened.map((event) => said(ctx, event).disputed).reduce(maxAmount, ZERO),
    isEnded: named.some((event) => (endOf(event) ?? '') >= occurredAt),
  };
}

/** When an event says that its dispute ended; undefined where it does not. What a person closed unread ended nothing. */
function endOf({ type, state, reason, occurredAt, settledAt }: InboundEvent): Instant | undefined {
  if (type === OPENED) {
    return reason === 'ended_by_people' ? present(settledAt, 'what ended was settled') : undefined;
  }
  const counts = state === 'kept' ? type === WON && reason === OUT_OF_ORDER : reason !== 'closed_by_person';
  return counts ? occurredAt : undefined;
}

/** Which dispute an event is of, and how much of the payment that is about. */
function saidBy(ctx: Ctx, event: InboundEvent) {
  const payment = readPaymentEvent(payloadOf(ctx, event))?.payment;
  return payment === undefined
    ? undefined
    : { reference: payment.disputeReference, disputed: payment.disputed ?? payment.amount };
}

function said(ctx: Ctx, event: InboundEvent) {
  return present(saidBy(ctx, event), 'what opened a dispute was read before');
}

/** Whether an event opened a dispute that nobody ended. */
export function isOpenDispute({ state, reason }: InboundEvent): boolean {
  return state === 'kept' && reason === DISPUTED;
}

/** The events that opened what is still disputed of a deposit. */
export function openDisputes(tx: Tx, depositId: Id): Promise<readonly InboundEvent[]> {
  return tx
    .select()
    .from(inboundEvents)
    .where(
      and(
        eq(inboundEvents.depositId, depositId),
        eq(inboundEvents.state, 'kept'),
        eq(inboundEvents.reason, DISPUTED),
      ),
    )
    .orderBy(inboundEvents.id);
}

/**
 * Holds what is disputed of a locked deposit, as far as its wallet has it and no other dispute of it has that held, and
 * tells compliance. What is held is settled or not no more: it is nobody's to withdraw.
 * @effects those of `openDisputeAlert`; where anything is free, of `createHold` and `changeHeld`
 */
export async function beginDispute(
  tx: Tx,
  ctx: Ctx,
  deposit: Deposit,
  opening: InboundEvent,
): Promise<Deposit> {
  const { id: depositId, userId, walletId } = deposit;
  const { id: referenceId } = opening;
  await openDisputeAlert(tx, ctx, { userId, depositId, eventId: referenceId });
  const own = present((await lockSpendable(tx, ctx, [walletId])).get(walletId), 'a deposit has its wallet');
  const open = [...(await openDisputes(tx, depositId)), opening];
  const lacking = amountOf(disputedOf(ctx, deposit, open) - heldBy(await holdsOf(tx, depositId)));
  const amount = minAmount(lacking, amountOf(own.total - own.reserved));
  if (own.status !== 'active' || amount <= 0n) {
    return deposit;
  }
  const taken = minAmount(deposit.unsettled, amount);
  const metadata = { depositId, unsettled: formatAmount(taken) };
  const reference = { referenceType: 'inbound_event', referenceId, metadata };
  await createHold(tx, ctx, { walletId, amount, reason: 'system', ...reference });
  return changeHeld(tx, ctx, deposit, amountOf(deposit.unsettled - taken));
}

/** What is to be held for the open disputes of a deposit: no more than can be called back. */
function disputedOf(ctx: Ctx, { amount, takenBack }: Deposit, open: readonly InboundEvent[]): Amount {
  const each = new Map<string | undefined, Amount>();
  for (const event of open) {
    const { reference, disputed } = said(ctx, event);
    each.set(reference, maxAmount(disputed, each.get(reference) ?? ZERO));
  }
  return minAmount(sumAmounts([...each.values()]), amountOf(amount - takenBack));
}

/** What is still held for disputes of a deposit, those included that ended while another needs it. */
async function holdsOf(tx: Tx, depositId: Id): Promise<readonly Hold[]> {
  const opened = await tx
    .select({ id: inboundEvents.id })
    .from(inboundEvents)
    .where(and(eq(inboundEvents.depositId, depositId), eq(inboundEvents.type, OPENED)))
    .orderBy(inboundEvents.id);
  const found: Hold[] = [];
  for (const { id } of opened) {
    const hold = await findHold(tx, 'system', id);
    found.push(...(hold?.status === 'active' ? [hold] : []));
  }
  return found;
}

function heldBy(holds: readonly Hold[]): Amount {
  return sumAmounts(holds.map(({ remaining }) => remaining));
}

/**
 * Frees of what is held for the disputes of a deposit as much as a take-back posts, in the same transaction and after
 * this; its wallet is locked.
 * @effects those of `captureHold`
 * @shape how much was freed
 */
export async function drawOnDisputes(tx: Tx, ctx: Ctx, depositId: Id, goes: Amount): Promise<Amount> {
  let left = goes;
  for (const { id, remaining } of await holdsOf(tx, depositId)) {
    const part = minAmount(remaining, left);
    if (part > 0n) {
      await captureHold(tx, ctx, id, part, { depositId });
      left = amountOf(left - part);
    }
  }
  return amountOf(goes - left);
}

/**
 * Ends disputes of a locked deposit: what is held and the others do not need is free.
 * @effects the events that opened them; audit `payment_event.closed`; those of `releaseHold` and `changeHeld`
 */
export async function endDisputes(
  tx: Tx,
  ctx: Ctx,
  deposit: Deposit,
  ended: readonly { readonly event: InboundEvent; readonly reason: DisputeEnd; readonly approvalId?: Id }[],
): Promise<Deposit> {
  for (const { event: before, reason, ...shown } of ended) {
    const [row] = await tx
      .update(inboundEvents)
      .set({ state: 'processed', reason, settledAt: ctx.deps.clock.now() })
      .where(eq(inboundEvents.id, before.id))
      .returning();
    await record(tx, ctx, {
      event: FUNDING_EVENTS['payment_event.closed'],
      resource: { type: 'inbound_event', id: before.id },
      subjectUserId: null,
      before,
      after: { ...present(row, 'events are never deleted'), ...shown },
    });
  }
  const approvalId = ended.find((end) => end.approvalId !== undefined)?.approvalId;
  return freeBeyond(tx, ctx, deposit, approvalId === undefined ? {} : { approvalId });
}

/** How much the end of a dispute frees. */
export async function freedByEnd(tx: Tx, ctx: Ctx, deposit: Deposit, ended: InboundEvent): Promise<Amount> {
  const others = (await openDisputes(tx, deposit.id)).filter(({ id }) => id !== ended.id);
  const over = heldBy(await holdsOf(tx, deposit.id)) - disputedOf(ctx, deposit, others);
  return maxAmount(ZERO, amountOf(over));
}

/** What was not settled when it was held is unsettled again once free, unless its day has come. */
async function freeBeyond(tx: Tx, ctx: Ctx, deposit: Deposit, shown: object): Promise<Deposit> {
  const holds = await holdsOf(tx, deposit.id);
  if (holds.length === 0) {
    return deposit;
  }
  const needed = disputedOf(ctx, deposit, await openDisputes(tx, deposit.id));
  let over = amountOf(heldBy(holds) - needed);
  let again: Amount = ZERO;
  for (const { id, amount, remaining, metadata } of holds) {
    const part = minAmount(remaining, over);
    if (part > 0n) {
      await releaseHold(tx, ctx, id, { ...shown, depositId: deposit.id }, part);
      const { unsettled } = metadata as { readonly unsettled: string };
      // What was charged back out of it came out of that first.
      const kept = maxAmount(ZERO, amountOf(parseAmount(unsettled) - (amount - remaining)));
      again = amountOf(again + minAmount(part, kept));
      over = amountOf(over - part);
    }
  }
  const today = dayOf(ctx.deps.clock.now(), ctx.deps.timeZone);
  if ((deposit.settlementDate ?? today) <= today) {
    return deposit;
  }
  const left = heldBy(await holdsOf(tx, deposit.id));
  const callable = maxAmount(ZERO, amountOf(deposit.amount - deposit.takenBack - left));
  return changeHeld(tx, ctx, deposit, minAmount(amountOf(deposit.unsettled + again), callable));
}

/**
 * Counts what is held of a deposit once: what is on hold is not unsettled besides.
 * @effects `wallets.unsettled`, the deposit's row; audit `deposit.held`
 */
async function changeHeld(tx: Tx, ctx: Ctx, before: Deposit, unsettled: Amount): Promise<Deposit> {
  if (unsettled === before.unsettled) {
    return before;
  }
  await changeUnsettled(tx, before.walletId, unsettled - before.unsettled);
  const [row] = await tx
    .update(deposits)
    .set({ unsettled, version: before.version + 1 })
    .where(eq(deposits.id, before.id))
    .returning();
  const after = present(row, 'the deposit was locked');
  await record(tx, ctx, {
    event: FUNDING_EVENTS['deposit.held'],
    resource: { type: 'deposit', id: after.id },
    subjectUserId: after.userId,
    before,
    after,
  });
  return after;
}
