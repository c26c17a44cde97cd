import { and, asc, eq, exists, gt, inArray, isNull, lte, notExists, or, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import type { Job } from '../../../platform/domain.ts';
import { isApproved, lockGateExclusively, notifyUser } from '../../identity/index.ts';
import { kycItems } from '../applications/schema.ts';
import { KYC_EVENTS } from '../audit.ts';
import { inBatches, inSteps } from '../in-batches.ts';
import { kycStandings } from '../risk/schema.ts';
import { kycApplications, kycDocuments } from '../schema.ts';
import { documentsOf } from '../store.ts';
import { escalateReview } from './escalate-review.ts';
import { openReview } from './open-review.ts';
import { escalationOf, expiryDue, noticeOf, openingHorizon, periodicDue, reminderStage } from './rules.ts';
import { asApproved, goodUntil } from './same-use.ts';
import { kycReviews } from './schema.ts';

/** Reviews nobody wrote to a customer about remind nobody. */
const REMINDING = ['periodic', 'document_expiry'];

/**
 * Opens the reviews whose time has come, reminds of them and restricts whom nobody looked at. What was done stands
 * in the rows, so that running twice, on two nodes, or again after being killed does nothing twice.
 * @effects those of `openReview` and `escalateReview`; audit `kyc_review.reminded` and a mail for each reminder
 * @errors the first failure, once everybody had their turn
 */
export async function reviewCustomers(ctx: Ctx): Promise<void> {
  await inSteps(
    () => openPeriodic(ctx),
    () => openExpiring(ctx),
    () => inBatches(ctx, dueReminders, remind),
    () => inBatches(ctx, overdue, escalate),
  );
}

/** Each day before work begins. */
export const reviewCustomersJob: Job = {
  name: 'kyc.review-customers',
  cron: '40 4 * * *',
  inFirmZone: true,
  run: reviewCustomers,
};

async function openPeriodic(ctx: Ctx): Promise<void> {
  await inBatches(
    ctx,
    async (tx, { deps }, after, limit) => {
      const open = tx
        .select({ id: kycReviews.id })
        .from(kycReviews)
        .where(
          and(
            eq(kycReviews.userId, kycStandings.userId),
            eq(kycReviews.kind, 'periodic'),
            eq(kycReviews.status, 'open'),
          ),
        );
      const rows = await tx
        .select({ userId: kycStandings.userId })
        .from(kycStandings)
        .where(
          and(
            lte(kycStandings.nextReviewAt, openingHorizon(deps.clock.now())),
            isApproved(kycStandings.userId),
            notExists(open),
            after === null ? undefined : gt(kycStandings.userId, after),
          ),
        )
        .orderBy(asc(kycStandings.userId))
        .limit(limit);
      return rows.map(({ userId }) => userId);
    },
    async (tx, _ctx, userId) => {
      const [standing] = await tx.select().from(kycStandings).where(eq(kycStandings.userId, userId));
      if (standing !== undefined) {
        const dueAt = periodicDue(standing.nextReviewAt, ctx.deps.clock.now());
        await openReview(tx, ctx, { userId, kind: 'periodic', referenceId: userId, dueAt });
      }
    },
  );
}

/**
 * Of documents that show what somebody was approved for, and that no other takes the place of. One review a document,
 * for good: what was waived is not asked for again.
 */
async function openExpiring(ctx: Ctx): Promise<void> {
  await inBatches(ctx, perhapsExpiring, async (tx, { deps }, documentId) => {
    const papers = await papersBeside(tx, documentId);
    const document = present(
      papers.find(({ id }) => id === documentId),
      'documents are never deleted',
    );
    const until = goodUntil(document, papers);
    if (until !== null && until <= openingHorizon(deps.clock.now()).slice(0, 10)) {
      const { userId } = document;
      const dueAt = expiryDue(until, deps.clock.now());
      await openReview(tx, ctx, { userId, kind: 'document_expiry', referenceId: documentId, dueAt });
    }
  });
}

/** What somebody's approval rests on, of applications in which some paper expires: more than those that do. */
async function perhapsExpiring(
  tx: Tx,
  { deps }: Ctx,
  after: Id | null,
  limit: number,
): Promise<readonly Id[]> {
  const known = tx
    .select({ id: kycReviews.id })
    .from(kycReviews)
    .where(and(eq(kycReviews.kind, 'document_expiry'), eq(kycReviews.referenceId, kycDocuments.id)));
  const shown = tx
    .select({ id: kycItems.id })
    .from(kycItems)
    .where(and(eq(kycItems.documentId, kycDocuments.id), eq(kycItems.status, 'accepted')));
  const newest = sql`${kycApplications.id} = (select max(newer.id::text)::uuid from kyc_applications newer
    where newer.user_id = ${kycApplications.userId} and newer.status = 'approved')`;
  const horizon = openingHorizon(deps.clock.now()).slice(0, 10);
  // The last day may stand on the other side.
  const expires = sql`exists (select 1 from kyc_documents other
    where other.application_id = ${kycDocuments.applicationId} and other.expires_on <= ${horizon}
      and other.removed_at is null)`;
  const rows = await tx
    .select({ id: kycDocuments.id })
    .from(kycDocuments)
    .innerJoin(kycApplications, eq(kycApplications.id, kycDocuments.applicationId))
    .where(
      and(
        expires,
        isNull(kycDocuments.removedAt),
        inArray(kycDocuments.status, ['uploaded', 'accepted']),
        // What was handed in before items were kept is all that its application rests on.
        or(exists(shown), isNull(kycApplications.requirementSet)),
        newest,
        isApproved(kycDocuments.userId),
        notExists(known),
        after === null ? undefined : gt(kycDocuments.id, after),
      ),
    )
    .orderBy(asc(kycDocuments.id))
    .limit(limit);
  return rows.map(({ id }) => id);
}

/** A document and all others of its application that were not taken back. */
async function papersBeside(tx: Tx, documentId: Id) {
  const [of] = await tx
    .select({ applicationId: kycApplications.id, requirementSet: kycApplications.requirementSet })
    .from(kycDocuments)
    .innerJoin(kycApplications, eq(kycApplications.id, kycDocuments.applicationId))
    .where(eq(kycDocuments.id, documentId));
  const application = present(of, 'every document is of an application');
  const documents = await documentsOf(tx, application.applicationId);
  return documents.map((document) => asApproved(document, application));
}

async function dueReminders(tx: Tx, ctx: Ctx, after: Id | null, limit: number): Promise<readonly Id[]> {
  const rows = await tx
    .select({ id: kycReviews.id })
    .from(kycReviews)
    .where(
      and(
        eq(kycReviews.status, 'open'),
        inArray(kycReviews.kind, REMINDING),
        lte(kycReviews.reminded, 2),
        lte(kycReviews.dueAt, openingHorizon(ctx.deps.clock.now())),
        after === null ? undefined : gt(kycReviews.id, after),
      ),
    )
    .orderBy(asc(kycReviews.id))
    .limit(limit);
  return rows.map(({ id }) => id);
}

async function remind(tx: Tx, ctx: Ctx, reviewId: Id): Promise<void> {
  const before = present(await lockRow(tx, kycReviews, reviewId), 'reviews are never deleted');
  const stage = reminderStage(before.dueAt, ctx.deps.clock.now());
  const notice = noticeOf(before.kind);
  if (before.status !== 'open' || stage <= before.reminded || notice === null) {
    return;
  }
  const [row] = await tx
    .update(kycReviews)
    .set({ reminded: stage, version: before.version + 1 })
    .where(eq(kycReviews.id, reviewId))
    .returning();
  await record(tx, ctx, {
    event: KYC_EVENTS['kyc_review.reminded'],
    resource: { type: 'kyc_review', id: reviewId },
    subjectUserId: before.userId,
    before,
    after: present(row, 'the review was locked'),
  });
  await notifyUser(tx, ctx, before.userId, notice);
}

async function overdue(tx: Tx, ctx: Ctx, after: Id | null, limit: number): Promise<readonly Id[]> {
  const rows = await tx
    .select({ id: kycReviews.id })
    .from(kycReviews)
    .where(
      and(
        eq(kycReviews.status, 'open'),
        lte(kycReviews.dueAt, ctx.deps.clock.now()),
        sql`${kycReviews.escalatedTo} is distinct from 'reduce_only'`,
        after === null ? undefined : gt(kycReviews.id, after),
      ),
    )
    .orderBy(asc(kycReviews.id))
    .limit(limit);
  return rows.map(({ id }) => id);
}

async function escalate(tx: Tx, ctx: Ctx, reviewId: Id): Promise<void> {
  const [known] = await tx.select().from(kycReviews).where(eq(kycReviews.id, reviewId));
  await lockGateExclusively(tx, present(known, 'reviews are never deleted').userId);
  const review = present(await lockRow(tx, kycReviews, reviewId), 'reviews are never deleted');
  const to = escalationOf(review.dueAt, ctx.deps.clock.now());
  if (review.status === 'open' && to !== null) {
    await escalateReview(tx, ctx, review, to);
  }
}
