/** The payouts that providers carry: queued with their beginning, and what is known of them since. */
import { and, eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { dayOf } from '../../../kernel/business-date.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import type { Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { PageRequest } from '../../../platform/http/cursor.ts';
import { matching, newestFirst } from '../newest-first.ts';
import { providerFor } from '../providers/registry.ts';
import type { Withdrawal } from '../store.ts';
import { SUBMISSION_EVENTS } from './audit.ts';
import { payoutSubmissions } from './schema.ts';

export type Submission = typeof payoutSubmissions.$inferSelect;

/**
 * Hands a payout that begins to the provider of its method, where there is one: a job tells it once this is committed.
 * @effects one row of `payout_submissions`; audit `payout_submission.queued`
 */
export async function queueSubmission(tx: Tx, ctx: Ctx, withdrawal: Withdrawal): Promise<void> {
  const provider = providerFor(ctx.deps, withdrawal.method);
  if (provider === undefined) {
    return;
  }
  const [row] = await tx
    .insert(payoutSubmissions)
    .values({
      id: newId(),
      withdrawalId: withdrawal.id,
      provider: provider.name,
      nextAt: ctx.deps.clock.realNow(),
      createdAt: ctx.deps.clock.now(),
    })
    .returning();
  const submission = present(row, 'the submission was inserted');
  await record(tx, ctx, {
    event: SUBMISSION_EVENTS['payout_submission.queued'],
    resource: { type: 'payout_submission', id: submission.id },
    subjectUserId: withdrawal.userId,
    after: submission,
  });
}

/** What a provider was told of a payout, whose row the caller has locked; undefined where none carries it. */
export async function submissionOf(tx: Tx, withdrawalId: Id): Promise<Submission | undefined> {
  const [row] = await tx
    .select()
    .from(payoutSubmissions)
    .where(eq(payoutSubmissions.withdrawalId, withdrawalId));
  return row;
}

type Change = { readonly said: string } | { readonly sentAt: Instant; readonly nextAt: Instant };

/**
 * Keeps what the provider says, and on which day last: money is set free by that. The same once more on that day is no
 * news. The caller has locked the withdrawal.
 * @effects as `changeSubmission`, or none
 */
export async function noteSaid(tx: Tx, ctx: Ctx, before: Submission, said: string): Promise<void> {
  const { clock, timeZone } = ctx.deps;
  const isSameDay = before.saidAt !== null && dayOf(before.saidAt, timeZone) === dayOf(clock.now(), timeZone);
  if (before.said !== said || !isSameDay) {
    await changeSubmission(tx, ctx, before, { said });
  }
}

/**
 * Says that the provider is told now, or what it said: it knows of what it speaks of, though nobody here may remember
 * telling it. The caller has locked the withdrawal.
 * @effects the row; audit `payout_submission.sent` or `payout_submission.said`
 */
export async function changeSubmission(
  tx: Tx,
  ctx: Ctx,
  before: Submission,
  change: Change,
): Promise<Submission> {
  const isWord = 'said' in change;
  const now = ctx.deps.clock.now();
  const [row] = await tx
    .update(payoutSubmissions)
    .set(
      isWord
        ? {
            ...change,
            saidAt: now,
            sentAt: before.sentAt ?? now,
            acceptedAt: change.said === 'accepted' ? now : before.acceptedAt,
          }
        : { ...change, tries: before.tries + 1 },
    )
    .where(eq(payoutSubmissions.id, before.id))
    .returning();
  const after = present(row, 'submissions are never deleted');
  await record(tx, ctx, {
    event: SUBMISSION_EVENTS[isWord ? 'payout_submission.said' : 'payout_submission.sent'],
    resource: { type: 'payout_submission', id: after.id },
    subjectUserId: null,
    before,
    after,
  });
  return after;
}

export type SubmissionQuery = PageRequest & {
  readonly withdrawalId?: Id | undefined;
  readonly provider?: string | undefined;
};

/** Payouts that providers carry, newest first. @errors invalid_cursor */
export async function listSubmissions(ctx: Ctx, query: SubmissionQuery): Promise<Page<Submission>> {
  const { limit, cursor, ...filters } = query;
  const listing = { name: 'payout submissions', id: payoutSubmissions.id, filters };
  return newestFirst(ctx, { limit, cursor }, listing, (tx, behind, order, count) =>
    tx
      .select()
      .from(payoutSubmissions)
      .where(
        and(
          matching(payoutSubmissions.withdrawalId, filters.withdrawalId),
          matching(payoutSubmissions.provider, filters.provider),
          behind,
        ),
      )
      .orderBy(order)
      .limit(count),
  );
}
