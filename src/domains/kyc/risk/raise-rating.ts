import { and, desc, eq, lt } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import { openJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { lockGateExclusively, recordReads, refuseSelfAction } from '../../identity/index.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import type { RiskInputs } from './rate.ts';
import { inputsPlace, rateCustomer } from './rate-customer.ts';
import { kycRiskRatings } from './schema.ts';
import { type StoredRating, type StoredStanding, standingOf } from './standing.ts';

export type Raise = { readonly userId: Id; readonly score: number; readonly reason: string };

/** A rating with what it was made from; null where the person was erased. */
export type RatingFile = StoredRating & { readonly facts: RiskInputs | null };

export type RatingFilter = PageRequest & { readonly userId: Id };

/**
 * Holds a person's score at least this high, whatever the matrix says; two people take it back.
 * @effects a row of `kyc_risk_ratings`, `kyc_standings`; audit `kyc_risk.rated`
 * @errors self_action, not_rated, rating_not_higher
 */
export async function raiseRating(ctx: Ctx, { userId, score, reason }: Raise): Promise<RatingFile> {
  refuseSelfAction(ctx, userId);
  return transact(ctx, 'staff', async (tx) => {
    await lockGateExclusively(tx, userId);
    const before = await requireStanding(tx, userId);
    if (score <= before.score) {
      throw refuseKyc('rating_not_higher');
    }
    const after = await rateCustomer(tx, ctx, userId, { cause: 'raised', raisedTo: score, reason });
    if (after === undefined) {
      throw refuseKyc('not_rated');
    }
    const [rating] = await tx.select().from(kycRiskRatings).where(eq(kycRiskRatings.id, after.ratingId));
    if (rating === undefined) {
      throw refuse('not_found');
    }
    const [file] = await opened(tx, ctx, userId, [rating]);
    return file as RatingFile;
  });
}

/**
 * Asks for a raise to be taken back, so that the matrix alone says the score. Nobody can go below that.
 * @errors self_action, not_rated, rating_not_raised, approval_pending_exists
 */
export async function requestLowering(
  ctx: Ctx,
  { userId, reason }: { readonly userId: Id; readonly reason: string },
): Promise<Approval> {
  refuseSelfAction(ctx, userId);
  return transact(ctx, 'staff', async (tx) => {
    const standing = await requireStanding(tx, userId);
    if (standing.raisedTo === null) {
      throw refuseKyc('rating_not_raised');
    }
    return requestApproval(tx, ctx, {
      action: lowerRatingAction.action,
      subjectType: 'kyc_standing',
      subjectId: userId,
      subjectUserId: userId,
      payload: { ratingId: standing.ratingId, raisedTo: standing.raisedTo },
      quorum: 1,
      checkerRoles: ['mlro', 'compliance_officer'],
      reason,
    });
  });
}

/** Takes a raise back after looking whether it is still the one that was agreed on. */
export const lowerRatingAction: ApprovalAction = {
  action: 'kyc_risk_rating.lower',
  restricted: true,
  execute: async (ctx, { approvalId, subjectId, payload }) => {
    await transact(ctx, 'staff', async (tx) => {
      await lockGateExclusively(tx, subjectId);
      const standing = await requireStanding(tx, subjectId);
      if (standing.raisedTo !== payload.raisedTo) {
        throw refuseKyc('rating_not_raised');
      }
      await rateCustomer(tx, ctx, subjectId, { cause: 'lowered', raisedTo: null, approvalId });
    });
  },
};

/** A person's ratings, the newest first; each look is recorded. @errors invalid_cursor */
export async function listRatings(ctx: Ctx, filter: RatingFilter): Promise<Page<RatingFile>> {
  const { userId } = filter;
  refuseSelfAction(ctx, userId);
  const listing = `kyc_risk_ratings ${userId}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(kycRiskRatings)
      .where(
        and(
          eq(kycRiskRatings.userId, userId),
          before === undefined ? undefined : lt(kycRiskRatings.id, before),
        ),
      )
      .orderBy(desc(kycRiskRatings.id))
      .limit(filter.limit + 1);
    const page = cutPage(key, listing, rows, filter.limit, (row) => [row.id]);
    await recordReads(
      tx,
      ctx,
      page.data.slice(0, 1).map((rating) => ({
        event: KYC_EVENTS['kyc_risk.read'],
        resource: { type: 'kyc_risk_rating', id: rating.id },
        subjectUserId: userId,
        after: rating,
      })),
    );
    return { ...page, data: await opened(tx, ctx, userId, page.data) };
  });
}

async function opened(tx: Tx, ctx: Ctx, userId: Id, ratings: readonly StoredRating[]): Promise<RatingFile[]> {
  const key = await ctx.deps.personKeys.find(tx, userId);
  return ratings.map((rating) => ({
    ...rating,
    facts: key === undefined ? null : openJson<RiskInputs>(key, inputsPlace(rating.id), rating.inputs),
  }));
}

async function requireStanding(tx: Tx, userId: Id): Promise<StoredStanding> {
  const standing = await standingOf(tx, userId);
  if (standing === undefined) {
    throw refuseKyc('not_rated');
  }
  return standing;
}
