import { and, desc, eq, isNull } from 'drizzle-orm';
import { actorIdOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { liftRestriction, lockGateExclusively } from '../../identity/index.ts';
import { KYC_EVENTS } from '../audit.ts';
import { rateCustomer } from '../risk/rate-customer.ts';
import { kycStandings } from '../risk/schema.ts';
import { dayOf, isExpired } from '../rules.ts';
import { kycApplications, kycDocuments } from '../schema.ts';
import { causeOf } from './escalate-review.ts';
import type { Review } from './open-review.ts';
import { kycReviews } from './schema.ts';

export type ReviewEnd = {
  readonly outcome: 'confirmed' | 'renewed' | 'waived' | 'obsolete';
  /** The application or document that was approved since. */
  readonly evidenceId: Id | null;
  /** The agreement of a second person, where nothing is cited. */
  readonly approvalId: Id | null;
};

/**
 * Ends a review that the caller holds under the gate's exclusive lock, and lifts what it restricted; what restricts
 * for another reason goes on. The time to the next review begins anew where it was about the whole person.
 * @effects `kyc_reviews`, perhaps `gate_restrictions`, `customer_gates`, `kyc_standings`; audit `kyc_review.closed`
 */
export async function closeReview(tx: Tx, ctx: Ctx, before: Review, end: ReviewEnd): Promise<Review> {
  const [row] = await tx
    .update(kycReviews)
    .set({
      status: 'done',
      ...end,
      closedBy: actorIdOf(ctx.actor),
      closedAt: ctx.deps.clock.now(),
      version: before.version + 1,
    })
    .where(eq(kycReviews.id, before.id))
    .returning();
  const after = present(row, 'the review was locked');
  await record(tx, ctx, {
    event: KYC_EVENTS['kyc_review.closed'],
    resource: { type: 'kyc_review', id: after.id },
    subjectUserId: after.userId,
    before,
    after,
  });
  await liftRestriction(tx, ctx, after.userId, {
    cause: causeOf(after),
    referenceId: after.id,
    ...(end.approvalId === null ? {} : { approvalId: end.approvalId }),
  });
  if (after.kind === 'dormant') {
    await tx.update(kycStandings).set({ dormantSince: null }).where(eq(kycStandings.userId, after.userId));
  }
  if (after.kind === 'periodic' || after.kind === 'dormant') {
    await rateCustomer(tx, ctx, after.userId, { cause: 'review', reviewed: true });
  }
  return after;
}

/**
 * Ends every open review of a person that an approval answers: two looks at one application would find the same.
 * @effects those of `closeReview`
 */
export async function endAnswered(ctx: Ctx, userId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    await lockGateExclusively(tx, userId);
    const open = await tx
      .select()
      .from(kycReviews)
      .where(and(eq(kycReviews.userId, userId), eq(kycReviews.status, 'open')))
      .orderBy(kycReviews.id);
    for (const review of open) {
      const evidenceId = await evidenceFor(tx, ctx, review);
      if (evidenceId !== undefined) {
        await closeReview(tx, ctx, review, { outcome: outcomeOf(review), evidenceId, approvalId: null });
      }
    }
  });
}

/** How a review ends on evidence. */
export function outcomeOf({ kind }: Review): ReviewEnd['outcome'] {
  return kind === 'document_expiry' ? 'renewed' : 'confirmed';
}

/**
 * What ends a review: for an expired document a newer one that was approved and is still good, for all else an
 * application that was approved since the review began. Undefined where there is none.
 */
export async function evidenceFor(tx: Tx, ctx: Ctx, review: Review): Promise<Id | undefined> {
  if (review.kind !== 'document_expiry') {
    const [approved] = await tx
      .select({ id: kycApplications.id, decidedAt: kycApplications.decidedAt })
      .from(kycApplications)
      .where(and(eq(kycApplications.userId, review.userId), eq(kycApplications.status, 'approved')))
      .orderBy(desc(kycApplications.decidedAt))
      .limit(1);
    return approved?.decidedAt && approved.decidedAt >= review.openedAt ? approved.id : undefined;
  }
  const documents = await tx
    .select({ document: kycDocuments })
    .from(kycDocuments)
    .innerJoin(kycApplications, eq(kycApplications.id, kycDocuments.applicationId))
    .where(
      and(
        eq(kycDocuments.userId, review.userId),
        eq(kycApplications.status, 'approved'),
        isNull(kycDocuments.removedAt),
      ),
    )
    .orderBy(desc(kycDocuments.id));
  const old = documents.find(({ document }) => document.id === review.referenceId)?.document;
  const today = dayOf(ctx.deps.clock.now());
  return documents.find(
    ({ document }) =>
      old !== undefined &&
      document.id > old.id &&
      sameUse(document.type, old.type) &&
      (document.status === 'uploaded' || document.status === 'accepted') &&
      !isExpired(document, today) &&
      (document.expiresOn ?? '9999') > (old.expiresOn ?? ''),
  )?.document.id;
}

const IDENTITY_TYPES = new Set<string>(['passport', 'national_id', 'driving_licence', 'residence_permit']);

/** Any document of identity renews another. */
function sameUse(one: string, other: string): boolean {
  return one === other || (IDENTITY_TYPES.has(one) && IDENTITY_TYPES.has(other));
}
