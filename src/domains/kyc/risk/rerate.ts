import { and, asc, eq, exists, gt, isNotNull, isNull, lt, ne, or } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { Job } from '../../../platform/domain.ts';
import { isNotErased } from '../../identity/index.ts';
import { inBatches } from '../in-batches.ts';
import { kycApplications } from '../schema.ts';
import { rateCustomer } from './rate-customer.ts';
import { kycRiskSignals, kycStandings } from './schema.ts';
import { activeMatrix } from './standing.ts';

/** How often somebody is rated anew whose points of a year grow fewer by themselves. @units ms */
const SIGNALS_MS = 7 * 86_400_000;

/**
 * Rates everybody whom the matrix in force has not rated, and those whose alerts grow old. Who is behind is in the
 * rows themselves, so a run that was killed goes on with the next, and one that finds nobody does nothing.
 * @effects those of `rateCustomer`, each person in a transaction of their own
 * @errors the first failure, once everybody had their turn
 */
export async function rerate(ctx: Ctx): Promise<void> {
  await inBatches(ctx, peopleBehind, async (tx, _ctx, userId) => {
    await rateCustomer(tx, ctx, userId, { cause: 'matrix' });
  });
}

/** Soon after a matrix was put in force, and after an upgrade that brought ratings. */
export const rerateJob: Job = { name: 'kyc.rerate', cron: '*/5 * * * *', run: rerate };

async function peopleBehind(tx: Tx, ctx: Ctx, after: Id | null, limit: number): Promise<readonly Id[]> {
  const matrix = await activeMatrix(tx);
  const old = addMs(ctx.deps.clock.now(), -SIGNALS_MS);
  const signals = tx
    .select({ id: kycRiskSignals.id })
    .from(kycRiskSignals)
    .where(eq(kycRiskSignals.userId, kycApplications.userId));
  const rows = await tx
    .selectDistinct({ userId: kycApplications.userId })
    .from(kycApplications)
    .leftJoin(kycStandings, eq(kycStandings.userId, kycApplications.userId))
    .where(
      and(
        isNotNull(kycApplications.submittedAt),
        isNotErased(kycApplications.userId),
        or(
          isNull(kycStandings.userId),
          ne(kycStandings.matrixId, matrix.id),
          and(lt(kycStandings.ratedAt, old), exists(signals)),
        ),
        after === null ? undefined : gt(kycApplications.userId, after),
      ),
    )
    .orderBy(asc(kycApplications.userId))
    .limit(limit);
  return rows.map(({ userId }) => userId);
}
