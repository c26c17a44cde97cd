import { and, desc, eq, isNull } from 'drizzle-orm';
import { actorIdOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { liftRestriction, lockGateExclusively } from '../../identity/index.ts';
import { kycParties } from '../applications/schema.ts';
import { KYC_EVENTS } from '../audit.ts';
import { rateCustomer } from '../risk/rate-customer.ts';
import { kycStandings } from '../risk/schema.ts';
import { standingOf } from '../risk/standing.ts';
import { dayOf, isExpired } from '../rules.ts';
import { kycApplications, kycDocuments } from '../schema.ts';
import { wholeUntil } from '../whole-paper.ts';
import { causeOf } from './escalate-review.ts';
import type { Review } from './open-review.ts';
import { asApproved, renews } from './same-use.ts';
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
      // What they were approved with now is what they are to be rated on, whoever of the two is told of it first.
      if (await isUnanswerable(tx, review)) {
        await rateCustomer(tx, ctx, userId, { cause: 'application' });
      }
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
 * What ends a review: for an expired document one that takes its place and was approved, for all else an application
 * that was approved since the review began. Who is looked at for what was learnt of them answers with what they
 * handed in afterwards, and with nothing while they may not be served. Undefined where there is none.
 */
export async function evidenceFor(tx: Tx, ctx: Ctx, review: Review): Promise<Id | undefined> {
  if (review.kind === 'document_expiry') {
    return renewalOf(tx, ctx, review);
  }
  if (await isUnanswerable(tx, review)) {
    return undefined;
  }
  const [approved] = await tx
    .select()
    .from(kycApplications)
    .where(and(eq(kycApplications.userId, review.userId), eq(kycApplications.status, 'approved')))
    .orderBy(desc(kycApplications.decidedAt))
    .limit(1);
  const since = review.kind === 'periodic' ? approved?.decidedAt : approved?.submittedAt;
  return since && since >= review.openedAt ? approved?.id : undefined;
}

/** Whether nothing ends it: whoever may not be served is let out by no paper and no vote. */
export async function isUnanswerable(tx: Tx, { userId, kind }: Review): Promise<boolean> {
  return kind === 'edd' && (await standingOf(tx, userId))?.level === 'prohibited';
}

async function renewalOf(tx: Tx, ctx: Ctx, review: Review): Promise<Id | undefined> {
  const rows = await tx
    .select({
      document: kycDocuments,
      identity: kycParties.identityIndex,
      requirementSet: kycApplications.requirementSet,
    })
    .from(kycDocuments)
    .innerJoin(kycApplications, eq(kycApplications.id, kycDocuments.applicationId))
    .leftJoin(kycParties, eq(kycParties.id, kycDocuments.partyId))
    .where(
      and(
        eq(kycDocuments.userId, review.userId),
        eq(kycApplications.status, 'approved'),
        isNull(kycDocuments.removedAt),
      ),
    )
    .orderBy(desc(kycDocuments.id));
  const documents = rows.map((row) => ({
    ...asApproved(row.document, row),
    partyId: sameParty(row, rows),
  }));
  const old = documents.find(({ id }) => id === review.referenceId);
  const today = dayOf(ctx.deps.clock.now());
  return documents.find(
    (document) =>
      old !== undefined &&
      !isExpired({ expiresOn: wholeUntil(document, documents) }, today) &&
      renews(document, old, documents),
  )?.id;
}

type OfParty = {
  readonly document: { readonly partyId: Id | null };
  readonly identity: Uint8Array | null;
};

/** Each application names its people anew: who is the same by name and birth date stands as one of their parties. */
function sameParty({ document, identity }: OfParty, all: readonly OfParty[]): Id | null {
  const same =
    identity !== null &&
    all.find((other) => other.identity !== null && Buffer.from(identity).equals(other.identity));
  return same ? same.document.partyId : document.partyId;
}
