import { and, asc, eq, gt, isNull, type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { type Instant, readStoredInstant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { Job } from '../../../platform/domain.ts';
import { isApproved, lastSeen, lockGateExclusively, notifyUser } from '../../identity/index.ts';
import { KYC_EVENTS } from '../audit.ts';
import { inBatches, inSteps } from '../in-batches.ts';
import { kycStandings } from '../risk/schema.ts';
import { escalateReview } from './escalate-review.ts';
import { openReview } from './open-review.ts';
import { dormancyStage, dormantBefore, remindedBefore } from './rules.ts';

/**
 * Reminds who was not seen for most of a year, and lets nothing leave the account of who was not seen for all of it
 * until they were looked at again. A look at them, on papers or by two people, counts as having been seen.
 * @effects `kyc_standings`, those of `openReview` and `escalateReview`; audit `kyc_standing.dormant`,
 *   `kyc_standing.reminded` and a mail for each reminder, and `kyc_standing.reactivated`
 * @errors the first failure, once everybody had their turn
 */
export async function watchDormancy(ctx: Ctx): Promise<void> {
  await inSteps(
    () => inBatches(ctx, unseen, fallAsleep),
    () => inBatches(ctx, nearlyUnseen, remind),
    () => inBatches(ctx, returned, wake),
  );
}

/** Each hour: whoever comes back is noticed the same day. */
export const watchDormancyJob: Job = { name: 'kyc.dormant', cron: '25 * * * *', run: watchDormancy };

/** When the person of a row did something last, or was looked at for having done nothing. */
function seenAt(userId: SQLWrapper): SQL<string> {
  return sql<string>`greatest(${lastSeen(userId)}, (select max(v.closed_at) from kyc_reviews v
    where v.user_id = ${userId} and v.kind = 'dormant'))`;
}

async function unseen(tx: Tx, ctx: Ctx, after: Id | null, limit: number): Promise<readonly Id[]> {
  const before = dormantBefore(ctx.deps.clock.now());
  return people(
    tx,
    after,
    limit,
    and(isNull(kycStandings.dormantSince), sql`${seenAt(kycStandings.userId)} < ${before}`),
  );
}

async function nearlyUnseen(tx: Tx, ctx: Ctx, after: Id | null, limit: number): Promise<readonly Id[]> {
  const now = ctx.deps.clock.now();
  const seen = seenAt(kycStandings.userId);
  return people(
    tx,
    after,
    limit,
    and(
      isNull(kycStandings.dormantSince),
      sql`${seen} < ${remindedBefore(now)} and ${seen} >= ${dormantBefore(now)}`,
    ),
  );
}

async function returned(tx: Tx, _ctx: Ctx, after: Id | null, limit: number): Promise<readonly Id[]> {
  return people(tx, after, limit, sql`${lastSeen(kycStandings.userId)} > ${kycStandings.dormantSince}`);
}

async function people(tx: Tx, after: Id | null, limit: number, which: SQL | undefined) {
  const rows = await tx
    .select({ userId: kycStandings.userId })
    .from(kycStandings)
    .where(
      and(
        which,
        isApproved(kycStandings.userId),
        after === null ? undefined : gt(kycStandings.userId, after),
      ),
    )
    .orderBy(asc(kycStandings.userId))
    .limit(limit);
  return rows.map(({ userId }) => userId);
}

async function fallAsleep(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  const now = ctx.deps.clock.now();
  const { seen } = await lockedStanding(tx, userId);
  if (seen >= dormantBefore(now)) {
    return;
  }
  await changeStanding(tx, ctx, userId, 'kyc_standing.dormant', { dormantSince: now });
  const review = await openReview(tx, ctx, { userId, kind: 'dormant', referenceId: userId, dueAt: now });
  await escalateReview(tx, ctx, review, 'no_out');
}

/** Once a stage of one absence: what was told before they were last seen told of another. */
async function remind(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  const now = ctx.deps.clock.now();
  const { seen, toldAt } = await lockedStanding(tx, userId);
  const told = toldAt === null || toldAt < seen ? 0 : dormancyStage(seen, toldAt);
  if (dormancyStage(seen, now) > told) {
    await changeStanding(tx, ctx, userId, 'kyc_standing.reminded', { dormancyToldAt: now });
    await notifyUser(tx, ctx, userId, 'account_falling_dormant');
  }
}

async function wake(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  await lockGateExclusively(tx, userId);
  await changeStanding(tx, ctx, userId, 'kyc_standing.reactivated', { dormantSince: null });
}

async function lockedStanding(tx: Tx, userId: Id) {
  await lockGateExclusively(tx, userId);
  const [row] = await tx
    .select({ toldAt: kycStandings.dormancyToldAt, seen: sql<string>`${seenAt(kycStandings.userId)}::text` })
    .from(kycStandings)
    .where(eq(kycStandings.userId, userId));
  const { toldAt, seen } = present(row, 'the standing is there');
  return { toldAt, seen: readStoredInstant(seen) };
}

type Change = { readonly dormantSince: Instant | null } | { readonly dormancyToldAt: Instant };

async function changeStanding(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  event: 'kyc_standing.dormant' | 'kyc_standing.reminded' | 'kyc_standing.reactivated',
  change: Change,
): Promise<void> {
  const [row] = await tx.update(kycStandings).set(change).where(eq(kycStandings.userId, userId)).returning();
  await record(tx, ctx, {
    event: KYC_EVENTS[event],
    resource: { type: 'kyc_standing', id: userId },
    subjectUserId: userId,
    after: present(row, 'the standing is there'),
  });
}
