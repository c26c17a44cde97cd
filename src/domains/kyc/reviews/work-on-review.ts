import { and, asc, eq, gt, lt, ne, or } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import { parseInstant } from '../../../kernel/time.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { lockGateExclusively, refuseSelfAction, rolesOf } from '../../identity/index.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import { REVIEWERS } from '../operation.ts';
import { standingOf } from '../risk/standing.ts';
import { closeReview, evidenceFor, isUnanswerable, outcomeOf } from './close-review.ts';
import type { Review } from './open-review.ts';
import { kycReviews } from './schema.ts';

export type ReviewFilter = PageRequest & {
  readonly status?: 'open' | 'done' | undefined;
  readonly kind?: string | undefined;
  readonly overdue?: boolean | undefined;
};

/** Reviews of others than the reader, the one due first at the top (no tipping off). @errors invalid_cursor */
export async function listReviews(ctx: Ctx, filter: ReviewFilter): Promise<Page<Review>> {
  const { status = 'open', kind, overdue } = filter;
  const listing = `kyc_reviews ${status} ${kind ?? ''} ${overdue ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  const readerId = present(personOf(ctx.actor), 'reviews are read by people');
  return transact(ctx, ctx.login, async (tx) => {
    const [dueAt, id] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(kycReviews)
      .where(
        and(
          ne(kycReviews.userId, readerId),
          eq(kycReviews.status, status),
          kind === undefined ? undefined : eq(kycReviews.kind, kind),
          overdue === true ? lt(kycReviews.dueAt, ctx.deps.clock.now()) : undefined,
          dueAt === undefined || id === undefined
            ? undefined
            : or(
                gt(kycReviews.dueAt, parseInstant(dueAt)),
                and(eq(kycReviews.dueAt, parseInstant(dueAt)), gt(kycReviews.id, id)),
              ),
        ),
      )
      .orderBy(asc(kycReviews.dueAt), asc(kycReviews.id))
      .limit(filter.limit + 1);
    return cutPage(key, listing, rows, filter.limit, (row) => [row.dueAt, row.id]);
  });
}

/**
 * Gives a review to somebody who may do it.
 * @effects `kyc_reviews`; audit `kyc_review.assigned`
 * @errors not_found, self_action, review_closed, assignee_unsuitable
 */
export async function assignReview(ctx: Ctx, reviewId: Id, assigneeId: Id): Promise<Review> {
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockOpen(tx, ctx, reviewId);
    const roles = await rolesOf(tx, assigneeId);
    if (assigneeId === before.userId || !REVIEWERS.some((role) => roles.includes(role))) {
      throw refuseKyc('assignee_unsuitable');
    }
    const [row] = await tx
      .update(kycReviews)
      .set({ assigneeId, version: before.version + 1 })
      .where(eq(kycReviews.id, reviewId))
      .returning();
    const after = present(row, 'the review was locked');
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_review.assigned'],
      resource: { type: 'kyc_review', id: reviewId },
      subjectUserId: after.userId,
      before,
      after,
    });
    return after;
  });
}

/**
 * Ends a review on what was approved since it began.
 * @effects those of `closeReview`
 * @errors not_found, self_action, review_closed, review_evidence_missing
 */
export async function completeReview(ctx: Ctx, reviewId: Id): Promise<Review> {
  return transact(ctx, 'staff', async (tx) => {
    const review = await lockOpen(tx, ctx, reviewId);
    const evidenceId = await evidenceFor(tx, ctx, review);
    if (evidenceId === undefined) {
      throw refuseKyc('review_evidence_missing');
    }
    return closeReview(tx, ctx, review, { outcome: outcomeOf(review), evidenceId, approvalId: null });
  });
}

/**
 * Asks for a review to end without new evidence, as it stands now and at the risk that the person is of.
 * @errors not_found, self_action, review_closed, review_not_waivable, approval_pending_exists
 */
export async function requestWaiver(ctx: Ctx, reviewId: Id, reason: string): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const review = await lockWaivable(tx, ctx, reviewId);
    return requestApproval(tx, ctx, {
      action: waiveReviewAction.action,
      subjectType: 'kyc_review',
      subjectId: reviewId,
      subjectUserId: review.userId,
      payload: await waiverOf(tx, review),
      quorum: 1,
      checkerRoles: ['mlro', 'compliance_officer'],
      reason,
    });
  });
}

/** Ends a review on the word of two people, where it is still what they spoke about; one that ended stays so. */
export const waiveReviewAction: ApprovalAction = {
  action: 'kyc_review.waive',
  restricted: true,
  execute: async (ctx, { approvalId, subjectId, payload }) => {
    await transact(ctx, 'staff', async (tx) => {
      const review = await lockWaivable(tx, ctx, subjectId);
      const now = Object.entries(await waiverOf(tx, review));
      if (now.some(([member, value]) => payload[member] !== value)) {
        throw refuseKyc('review_changed');
      }
      await closeReview(tx, ctx, review, { outcome: 'waived', evidenceId: null, approvalId });
    });
  },
};

/** What a waiver is about: it lifts what restricts, so it holds for that alone and for the risk it was agreed at. */
async function waiverOf(tx: Tx, { userId, kind, dueAt, escalatedTo }: Review) {
  const level = (await standingOf(tx, userId))?.level ?? null;
  return { kind, dueAt, escalatedTo, level };
}

/** @errors not_found, self_action, review_closed, review_not_waivable */
async function lockWaivable(tx: Tx, ctx: Ctx, reviewId: Id): Promise<Review> {
  const review = await lockOpen(tx, ctx, reviewId);
  if (await isUnanswerable(tx, review)) {
    throw refuseKyc('review_not_waivable');
  }
  return review;
}

/** The gate's lock comes before that of the row, as everywhere. */
async function lockOpen(tx: Tx, ctx: Ctx, reviewId: Id): Promise<Review> {
  const [known] = await tx
    .select({ userId: kycReviews.userId })
    .from(kycReviews)
    .where(eq(kycReviews.id, reviewId));
  if (known === undefined) {
    throw refuse('not_found');
  }
  refuseSelfAction(ctx, known.userId);
  await lockGateExclusively(tx, known.userId);
  const review = present(await lockRow(tx, kycReviews, reviewId), 'reviews are never deleted');
  if (review.status !== 'open') {
    throw refuseKyc('review_closed');
  }
  return review;
}
