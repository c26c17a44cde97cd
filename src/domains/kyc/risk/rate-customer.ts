import { and, desc, eq } from 'drizzle-orm';
import { actorIdOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { lockGateExclusively, readGates } from '../../identity/index.ts';
import { KYC_EVENTS } from '../audit.ts';
import { escalateReview } from '../reviews/escalate-review.ts';
import { openReview } from '../reviews/open-review.ts';
import { type GatheredInputs, inputsOf } from './inputs-of.ts';
import { addMonths } from './months.ts';
import { type Rated, rate, reviewMonthsOf } from './rate.ts';
import { kycRiskRatings, kycStandings } from './schema.ts';
import { activeMatrix, type StoredMatrix, type StoredStanding, standingOf } from './standing.ts';

export type RatingCause = 'application' | 'profile' | 'signal' | 'matrix' | 'review' | 'raised' | 'lowered';

export type RatingRequest = {
  readonly cause: RatingCause;
  /** What people raise it to; null takes that back, undefined leaves it. */
  readonly raisedTo?: number | null;
  readonly reason?: string;
  readonly approvalId?: Id;
  /** The time to the next review begins anew. */
  readonly reviewed?: true;
};

/** How long the firm has to learn more of a customer whose risk became high. @units days */
const EDD_DAYS = 30;
const DAY_MS = 86_400_000;

/**
 * Rates a person by the matrix in force and what is known now, under the gate's exclusive lock. A rating that says
 * what the one before said is not written again.
 * @effects perhaps a row of `kyc_risk_ratings`, `kyc_standings`, a review, a restriction where nobody may be
 *   served; audit `kyc_risk.rated`; event `kyc.risk_changed` where the level changes
 * @shape undefined for who never applied or was erased
 */
export async function rateCustomer(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  request: RatingRequest,
): Promise<StoredStanding | undefined> {
  await lockGateExclusively(tx, userId);
  const gathered = await inputsOf(tx, ctx, userId);
  if (gathered === undefined) {
    return undefined;
  }
  const matrix = await activeMatrix(tx);
  const before = await standingOf(tx, userId);
  const raisedTo = request.raisedTo === undefined ? (before?.raisedTo ?? null) : request.raisedTo;
  const rated = rate(matrix.content, gathered.inputs, raisedTo);
  const now = ctx.deps.clock.now();
  const reviewedAt = request.reviewed === true || before === undefined ? now : before.reviewedAt;
  const standing = {
    matrixId: matrix.id,
    score: rated.score,
    level: rated.level,
    raisedTo,
    eddRequired: rated.level === 'high' || rated.level === 'prohibited',
    politicallyExposed: !gathered.inputs.pep.includes('none'),
    ratedAt: now,
    reviewedAt,
    nextReviewAt: addMonths(reviewedAt, reviewMonthsOf(matrix.content, rated.level)),
  };
  const same = before !== undefined && (await saysTheSame(tx, before, standing, gathered, rated));
  const ratingId = same
    ? before.ratingId
    : await writeRating(tx, ctx, userId, { request, gathered, matrix, rated, standing });
  const [after] = await tx
    .insert(kycStandings)
    .values({ userId, ratingId, ...standing })
    .onConflictDoUpdate({
      target: kycStandings.userId,
      set: { ratingId, ...standing, version: (before?.version ?? 0) + 1 },
    })
    .returning();
  if (before?.level !== standing.level) {
    await publish(tx, ctx, [
      { type: 'kyc.risk_changed', userId, customerVisible: false, data: { level: standing.level } },
    ]);
  }
  await followLevel(tx, ctx, userId, before, standing.level);
  return present(after, 'the standing was written');
}

/** What a rating's sealed inputs are bound to. */
export function inputsPlace(ratingId: Id) {
  return { table: 'kyc_risk_ratings', column: 'inputs', rowId: ratingId };
}

type NewStanding = Omit<
  StoredStanding,
  'userId' | 'ratingId' | 'version' | 'dormantSince' | 'dormancyToldAt'
>;

async function saysTheSame(
  tx: Tx,
  before: StoredStanding,
  next: NewStanding,
  { applicationId }: GatheredInputs,
  rated: Rated,
): Promise<boolean> {
  const [last] = await tx
    .select()
    .from(kycRiskRatings)
    .where(and(eq(kycRiskRatings.userId, before.userId), eq(kycRiskRatings.id, before.ratingId)))
    .orderBy(desc(kycRiskRatings.id));
  return (
    before.matrixId === next.matrixId &&
    before.score === next.score &&
    before.raisedTo === next.raisedTo &&
    before.reviewedAt === next.reviewedAt &&
    last?.applicationId === applicationId &&
    JSON.stringify(last.pieces.map(pieceText)) === JSON.stringify(rated.pieces.map(pieceText))
  );
}

/** As text: the database hands the members of a piece back in an order of its own. */
function pieceText({ factor, value, weight, floor }: Rated['pieces'][number]): string {
  return `${factor} ${value} ${weight} ${floor}`;
}

type NewRating = {
  readonly request: RatingRequest;
  readonly gathered: GatheredInputs;
  readonly matrix: StoredMatrix;
  readonly rated: Rated;
  readonly standing: NewStanding;
};

async function writeRating(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  { request, gathered, matrix, rated, standing }: NewRating,
): Promise<Id> {
  const id = newId();
  const key = await ctx.deps.personKeys.of(tx, userId);
  const [rating] = await tx
    .insert(kycRiskRatings)
    .values({
      id,
      userId,
      applicationId: gathered.applicationId,
      matrixId: matrix.id,
      score: rated.score,
      level: rated.level,
      inputs: sealJson(key, inputsPlace(id), gathered.inputs),
      pieces: rated.pieces,
      cause: request.cause,
      raisedTo: standing.raisedTo,
      reason: request.reason ?? null,
      approvalId: request.approvalId ?? null,
      ratedBy: actorIdOf(ctx.actor),
      ratedAt: standing.ratedAt,
      nextReviewAt: standing.nextReviewAt,
    })
    .returning();
  await record(tx, ctx, {
    event: KYC_EVENTS['kyc_risk.rated'],
    resource: { type: 'kyc_risk_rating', id },
    subjectUserId: userId,
    after: { ...present(rating, 'the rating was inserted'), matrixVersion: matrix.version },
  });
  return id;
}

/** Whoever the firm serves already and who became a high risk is looked at again; who may not be served, at once. */
async function followLevel(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  before: StoredStanding | undefined,
  level: string,
): Promise<void> {
  const gate = (await readGates(tx, [userId])).get(userId);
  const isNew = before?.level !== level;
  if (gate?.kycStatus !== 'approved' || !isNew || (level !== 'high' && level !== 'prohibited')) {
    return;
  }
  if (level === 'high' && gate.kycLevel === 'enhanced') {
    return;
  }
  const dueAt = addMs(ctx.deps.clock.now(), level === 'prohibited' ? 0 : EDD_DAYS * DAY_MS);
  const review = await openReview(tx, ctx, { userId, kind: 'edd', referenceId: userId, dueAt });
  if (level === 'prohibited') {
    await escalateReview(tx, ctx, review, 'no_out');
  }
}
