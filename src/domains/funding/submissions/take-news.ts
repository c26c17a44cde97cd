import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import { cancelApprovals, lockOpenApprovals } from '../../../platform/approvals/open-approvals.ts';
import type { Approval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { type InboundEvent, keepEvent, settleEvent } from '../evidence/keep-event.ts';
import type { PaymentEvent } from '../payment-event.ts';
import { payoutOfReference } from '../payout-reference.ts';
import type { PayoutNews } from '../providers/payout-word.ts';
import { withdrawals } from '../schema.ts';
import { bookPayout, freePayout } from '../settle-payout.ts';
import { isDebited, isNamedByWaiting } from '../statement-debits.ts';
import type { Withdrawal } from '../store.ts';
import { recordStatus } from '../withdrawal-status.ts';
import { SUBMISSION_EVENTS } from './audit.ts';
import { changeOf } from './change-of.ts';
import { followPayout, type PayoutStep } from './follow-payout.ts';
import { hasSaidPaid, saidTaken } from './said-taken.ts';
import { noteSaid, type Submission, submissionOf } from './submission-store.ts';

type Told = {
  readonly provider: string;
  readonly event: Pick<PaymentEvent, 'id' | 'type' | 'occurredAt'>;
  readonly news: PayoutNews;
  readonly body: Uint8Array;
};

/**
 * Takes what a provider says of a payout, in a signed event or in an answer to us, and keeps it. It settles the payout
 * as a bank's report does: paid ones are booked, rejected ones set free unless a statement shows them; what contradicts
 * what is settled moves nothing.
 * @effects one row of `inbound_events`; the withdrawal, its journal and hold, open approvals; the submission; audit
 *   `payment_event.received` and that of the withdrawal; perhaps the alarm `payout_submission.contradicts`
 */
export async function takePayoutNews(tx: Tx, ctx: Ctx, told: Told): Promise<InboundEvent> {
  const withdrawalId = await withdrawalOf(tx, told.news);
  if (withdrawalId === undefined) {
    const kept = await keepEvent(tx, ctx, told);
    return settleEvent(tx, ctx, kept, { state: 'kept', reason: 'unknown_payout' });
  }
  return settleBy(tx, ctx, told, await lookAt(tx, ctx, told, { withdrawalId, isTold: false }));
}

/**
 * The same for what it answered when it was asked or told. What it says again, unless that makes a payout unknown, and
 * what a statement that nobody confirmed yet has to decide first, is not kept each time.
 * @effects as `takePayoutNews`, or at most the submission
 */
export async function takePayoutAnswer(tx: Tx, ctx: Ctx, withdrawalId: Id, told: Told): Promise<void> {
  const seen = await lookAt(tx, ctx, told, { withdrawalId, isTold: true });
  const { step, submission, withdrawal } = seen;
  const isEnd = step.kind === 'complete' || step.kind === 'fail';
  const isWaiting = step.kind === 'keep' && step.reason === 'statement_waits';
  const castsDoubt = step.kind === 'keep' && step.doubt && withdrawal.status !== 'unknown';
  if (isEnd || castsDoubt || (!isWaiting && submission?.said !== told.news.state)) {
    await settleBy(tx, ctx, told, seen);
  } else if (!isWaiting && submission !== undefined) {
    await noteSaid(tx, ctx, submission, told.news.state);
  }
}

type Seen = {
  readonly open: readonly Approval[];
  readonly withdrawal: Withdrawal;
  readonly submission: Submission | undefined;
  readonly step: PayoutStep;
};

/** Locks the payout and says what the word means for it. */
async function lookAt(
  tx: Tx,
  ctx: Ctx,
  { provider, news }: Told,
  { withdrawalId, isTold }: { readonly withdrawalId: Id; readonly isTold: boolean },
): Promise<Seen> {
  const open = await lockOpenApprovals(tx, withdrawalId);
  const withdrawal = present(await lockRow(tx, withdrawals, withdrawalId), 'withdrawals are never deleted');
  const submission = await submissionOf(tx, withdrawalId);
  const step = followPayout({
    state: news.state,
    fits: news.amount === withdrawal.amount && news.currency === withdrawal.asset,
    isTheirs: submission?.provider === provider,
    isTold: isTold || submission?.sentAt != null,
    status: withdrawal.status,
    isChanged: (await changeOf(tx, ctx, withdrawal)) !== null,
    isDebited: await isDebited(tx, withdrawal, 'bank'),
    isNamed: await isNamedByWaiting(tx, withdrawal),
    hasSaidPaid:
      (await hasSaidPaid(tx, withdrawalId, provider)) ||
      (await saidTaken(tx, ctx, withdrawal, provider)) !== undefined,
  });
  return { open, withdrawal, submission, step };
}

/** The event is there before the payout moves: the database lets it end by nothing else. */
async function settleBy(tx: Tx, ctx: Ctx, told: Told, seen: Seen): Promise<InboundEvent> {
  const { open, withdrawal, submission, step } = seen;
  const kept = await keepEvent(tx, ctx, { ...told, withdrawalId: withdrawal.id });
  if (step.kind === 'complete' || step.kind === 'fail' || (step.kind === 'keep' && step.doubt)) {
    await cancelApprovals(tx, ctx, open);
  }
  await perform(tx, ctx, { ...seen, news: told.news });
  if (step.kind === 'keep' && step.alarm) {
    await raiseAlarm(tx, ctx, {
      event: SUBMISSION_EVENTS['payout_submission.contradicts'],
      resource: { type: 'withdrawal', id: withdrawal.id },
      subjectUserId: withdrawal.userId,
      after: submission,
    });
  }
  return settleEvent(tx, ctx, kept, {
    state: step.kind === 'keep' ? 'kept' : step.kind === 'ignore' ? 'ignored' : 'processed',
    reason: 'reason' in step ? step.reason : null,
  });
}

/**
 * The payout a provider names, by what its reference follows from: also one that nobody here began, or whose beginning a
 * restore lost. Undefined where there is none.
 */
export async function withdrawalOf(tx: Tx, news: PayoutNews | undefined): Promise<Id | undefined> {
  const id = payoutOfReference(news?.reference ?? '');
  if (id === undefined) {
    return undefined;
  }
  const [row] = await tx.select({ id: withdrawals.id }).from(withdrawals).where(eq(withdrawals.id, id));
  return row?.id;
}

/** Does to the locked payout what was decided; what its provider said last is kept with it. */
async function perform(
  tx: Tx,
  ctx: Ctx,
  { withdrawal, submission, news, step }: Omit<Seen, 'open'> & Pick<Told, 'news'>,
): Promise<void> {
  const isLeft = step.kind === 'ignore' || (step.kind === 'keep' && !step.doubt);
  if (submission !== undefined && !isLeft) {
    await noteSaid(tx, ctx, submission, news.state);
  }
  if (step.kind === 'complete') {
    const transactionReference = news.providerReference ?? news.reference;
    await bookPayout(tx, ctx, withdrawal, { transactionReference });
  } else if (step.kind === 'fail') {
    await freePayout(tx, ctx, withdrawal, {}, 'bank');
  } else if (step.kind === 'keep' && step.doubt && withdrawal.status === 'processing') {
    await recordStatus(tx, ctx, withdrawal, { status: 'unknown' }, step.reason);
  }
}
