import { inputsPlace } from '../domains/kyc/risk/rate-customer.ts';
import { kycRiskRatings, kycStandings } from '../domains/kyc/risk/schema.ts';
import { activeMatrix } from '../domains/kyc/risk/standing.ts';
import { type Id, newId } from '../kernel/id.ts';
import type { Ctx } from '../platform/context.ts';
import { sealJson } from '../platform/crypto/seal.ts';
import { transact } from '../platform/db/transact.ts';

const SCORES = { low: 10, medium: 40, high: 70, prohibited: 95 } as const;

/** Rates a person as a test wants it, without an application to rate them by. */
export async function setRating(ctx: Ctx, userId: Id, level: keyof typeof SCORES): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const matrix = await activeMatrix(tx);
    const [id, ratedAt] = [newId(), ctx.deps.clock.now()];
    const rated = { matrixId: matrix.id, score: SCORES[level], level, ratedAt, nextReviewAt: ratedAt };
    const key = await ctx.deps.personKeys.of(tx, userId);
    await tx.insert(kycRiskRatings).values({
      ...rated,
      id,
      userId,
      inputs: sealJson(key, inputsPlace(id), {}),
      pieces: [],
      cause: 'matrix',
      ratedBy: 'test',
    });
    const standing = {
      ...rated,
      ratingId: id,
      eddRequired: level === 'high' || level === 'prohibited',
      politicallyExposed: false,
      reviewedAt: ratedAt,
    };
    await tx
      .insert(kycStandings)
      .values({ userId, ...standing })
      .onConflictDoUpdate({ target: kycStandings.userId, set: standing });
  });
}
