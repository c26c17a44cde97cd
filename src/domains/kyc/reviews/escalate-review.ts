import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { placeRestriction, type RestrictionCause } from '../../identity/index.ts';
import { KYC_EVENTS } from '../audit.ts';
import type { Review, ReviewKind } from './open-review.ts';
import { kycReviews } from './schema.ts';

/** How a review that nobody ends restricts, the milder first. */
export type Escalation = 'no_out' | 'reduce_only';

const CAUSES: Readonly<Record<ReviewKind, RestrictionCause>> = {
  periodic: 'kyc_review_overdue',
  document_expiry: 'kyc_document_expired',
  edd: 'risk',
  provider_contradicts: 'kyc_review_overdue',
  dormant: 'kyc_dormant',
};

/** What a review of this kind restricts as. */
export function causeOf(review: Pick<Review, 'kind'>): RestrictionCause {
  return CAUSES[review.kind as ReviewKind];
}

/**
 * Restricts the person until the review ends; what restricts as strictly already stays as it is. Expects the
 * review to be the newest, under the gate's exclusive lock.
 * @effects `kyc_reviews`, `gate_restrictions`, `customer_gates`; audit `kyc_review.escalated` and the gate's
 */
export async function escalateReview(
  tx: Tx,
  ctx: Ctx,
  before: Review,
  escalatedTo: Escalation,
): Promise<Review> {
  if (before.escalatedTo === escalatedTo || before.escalatedTo === 'reduce_only') {
    return before;
  }
  await placeRestriction(tx, ctx, before.userId, {
    restriction: escalatedTo,
    cause: causeOf(before),
    reference: { type: 'kyc_review', id: before.id },
  });
  const [row] = await tx
    .update(kycReviews)
    .set({ escalatedTo, escalatedAt: ctx.deps.clock.now(), version: before.version + 1 })
    .where(eq(kycReviews.id, before.id))
    .returning();
  const after = present(row, 'the review was locked');
  await record(tx, ctx, {
    event: KYC_EVENTS['kyc_review.escalated'],
    resource: { type: 'kyc_review', id: after.id },
    subjectUserId: after.userId,
    before,
    after,
  });
  return after;
}
