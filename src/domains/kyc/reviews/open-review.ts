import { and, eq, type InferSelectModel } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { KYC_EVENTS } from '../audit.ts';
import { kycReviews } from './schema.ts';

export type Review = InferSelectModel<typeof kycReviews>;

export type ReviewKind = 'periodic' | 'document_expiry' | 'edd' | 'provider_contradicts' | 'dormant';

export type NewReview = {
  readonly userId: Id;
  readonly kind: ReviewKind;
  readonly referenceId: Id;
  readonly dueAt: Instant;
};

/**
 * Opens a review, unless one for the same reason is open; that one is returned then.
 * @effects perhaps a row of `kyc_reviews`; audit `kyc_review.opened`; event `kyc.review_opened`
 */
export async function openReview(tx: Tx, ctx: Ctx, wanted: NewReview): Promise<Review> {
  const [opened] = await tx
    .insert(kycReviews)
    .values({ id: newId(), ...wanted, status: 'open', openedAt: ctx.deps.clock.now() })
    .onConflictDoNothing()
    .returning();
  if (opened === undefined) {
    return present(await openReviewOf(tx, wanted), 'what conflicted is an open review');
  }
  await record(tx, ctx, {
    event: KYC_EVENTS['kyc_review.opened'],
    resource: { type: 'kyc_review', id: opened.id },
    subjectUserId: opened.userId,
    after: opened,
  });
  await publish(tx, ctx, [
    {
      type: 'kyc.review_opened',
      userId: opened.userId,
      customerVisible: false,
      data: { reviewId: opened.id, kind: opened.kind },
    },
  ]);
  return opened;
}

async function openReviewOf(tx: Tx, { userId, kind, referenceId }: NewReview): Promise<Review | undefined> {
  const [review] = await tx
    .select()
    .from(kycReviews)
    .where(
      and(
        eq(kycReviews.userId, userId),
        eq(kycReviews.kind, kind),
        eq(kycReviews.referenceId, referenceId),
        eq(kycReviews.status, 'open'),
      ),
    );
  return review;
}
