import { desc, eq, type InferSelectModel, inArray } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { RiskLevel } from '../review/rules.ts';
import { kycRiskMatrices, type kycRiskRatings, kycStandings } from './schema.ts';

export type StoredMatrix = InferSelectModel<typeof kycRiskMatrices>;
export type StoredRating = InferSelectModel<typeof kycRiskRatings>;
export type StoredStanding = InferSelectModel<typeof kycStandings>;

/** What others need of a person's newest rating. */
export type Rating = {
  readonly id: Id;
  /** @units 0–100 */
  readonly score: number;
  readonly level: RiskLevel;
  readonly eddRequired: boolean;
  readonly politicallyExposed: boolean;
  /** Whether it was made by the matrix that is in force. */
  readonly isCurrent: boolean;
  readonly ratedAt: Instant;
  readonly nextReviewAt: Instant;
};

/** A person's newest rating; undefined where nobody rated them yet, which is not the same as low. */
export async function ratingOf(tx: Tx, userId: Id): Promise<Rating | undefined> {
  return (await ratingsOf(tx, [userId])).get(userId);
}

/** The newest ratings of many people. @shape no entry for who was never rated */
export async function ratingsOf(tx: Tx, userIds: readonly Id[]): Promise<ReadonlyMap<Id, Rating>> {
  if (userIds.length === 0) {
    return new Map();
  }
  const rows = await tx
    .select({ standing: kycStandings, status: kycRiskMatrices.status })
    .from(kycStandings)
    .innerJoin(kycRiskMatrices, eq(kycRiskMatrices.id, kycStandings.matrixId))
    .where(inArray(kycStandings.userId, [...userIds]));
  return new Map(
    rows.map(({ standing, status }) => [
      standing.userId,
      {
        id: standing.ratingId,
        score: standing.score,
        level: standing.level as RiskLevel,
        eddRequired: standing.eddRequired,
        politicallyExposed: standing.politicallyExposed,
        isCurrent: status === 'active',
        ratedAt: standing.ratedAt,
        nextReviewAt: standing.nextReviewAt,
      },
    ]),
  );
}

/** Where a customer stands; undefined before their first rating. */
export async function standingOf(tx: Tx, userId: Id): Promise<StoredStanding | undefined> {
  const [standing] = await tx.select().from(kycStandings).where(eq(kycStandings.userId, userId));
  return standing;
}

/** The matrix in force; every installation comes with one. */
export async function activeMatrix(tx: Tx): Promise<StoredMatrix> {
  const [active] = await tx
    .select()
    .from(kycRiskMatrices)
    .where(eq(kycRiskMatrices.status, 'active'))
    .orderBy(desc(kycRiskMatrices.version))
    .limit(1);
  if (active === undefined) {
    throw new Error('an installation has a risk matrix in force');
  }
  return active;
}
