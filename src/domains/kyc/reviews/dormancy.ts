import { and, asc, eq, gt, isNull, type SQL, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { Job } from '../../../platform/domain.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { isApproved, lastSeen, lastSeenOf, lockGateExclusively } from '../../identity/index.ts';
import { KYC_EVENTS } from '../audit.ts';
import { kycStandings } from '../risk/schema.ts';
import { escalateReview } from './escalate-review.ts';
import { openReview } from './open-review.ts';
import { inBatches } from './review-customers.ts';
import { dormantBefore } from './rules.ts';

/**
 * Lets nothing leave the account of somebody who was not seen for a year until they were looked at again, and
 * tells the monitoring when one of them comes back.
 * @effects `kyc_standings`, those of `openReview` and `escalateReview`; audit `kyc_standing.dormant` and
 *   `kyc_standing.reactivated`; event `kyc.dormant_reactivated`
 */
export async function watchDormancy(ctx: Ctx): Promise<void> {
  await inBatches(ctx, unseen, fallAsleep);
  await inBatches(ctx, returned, wake);
}

/** Each hour: whoever comes back is noticed the same day. */
export const watchDormancyJob: Job = { name: 'kyc.dormant', cron: '25 * * * *', run: watchDormancy };

async function unseen(tx: Tx, ctx: Ctx, after: Id | null, limit: number): Promise<readonly Id[]> {
  const before = dormantBefore(ctx.deps.clock.now());
  return people(
    tx,
    after,
    limit,
    and(isNull(kycStandings.dormantSince), sql`${lastSeen(kycStandings.userId)} < ${before}`),
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
  await lockGateExclusively(tx, userId);
  const now = ctx.deps.clock.now();
  const seenAt = await lastSeenOf(tx, userId);
  if (seenAt === undefined || seenAt >= dormantBefore(now)) {
    return;
  }
  await changeStanding(tx, ctx, userId, now);
  const review = await openReview(tx, ctx, { userId, kind: 'dormant', referenceId: userId, dueAt: now });
  await escalateReview(tx, ctx, review, 'no_out');
}

async function wake(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  await lockGateExclusively(tx, userId);
  await changeStanding(tx, ctx, userId, null);
  await publish(tx, ctx, [{ type: 'kyc.dormant_reactivated', userId, customerVisible: false, data: {} }]);
}

async function changeStanding(tx: Tx, ctx: Ctx, userId: Id, dormantSince: Instant | null): Promise<void> {
  const [row] = await tx
    .update(kycStandings)
    .set({ dormantSince })
    .where(eq(kycStandings.userId, userId))
    .returning();
  await record(tx, ctx, {
    event: KYC_EVENTS[dormantSince === null ? 'kyc_standing.reactivated' : 'kyc_standing.dormant'],
    resource: { type: 'kyc_standing', id: userId },
    subjectUserId: userId,
    after: present(row, 'the standing is there'),
  });
}
