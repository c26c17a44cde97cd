import { and, asc, eq, exists, gt, isNotNull, isNull, lt, ne, or } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Job } from '../../../platform/domain.ts';
import { isNotErased } from '../../identity/index.ts';
import { kycApplications } from '../schema.ts';
import { rateAnew } from './rate-customer.ts';
import { kycRiskSignals, kycStandings } from './schema.ts';
import { activeMatrix } from './standing.ts';

const BATCH = 200;
/** How often somebody is rated anew whose points of a year grow fewer by themselves. @units ms */
const SIGNALS_MS = 7 * 86_400_000;

/**
 * Rates everybody whom the matrix in force has not rated, and those whose alerts grow old. Who is behind is in the
 * rows themselves, so a run that was killed goes on with the next, and one that finds nobody does nothing.
 * @effects those of `rateCustomer`, each person in a transaction of their own
 */
export async function rerate(ctx: Ctx): Promise<void> {
  let after: Id | null = null;
  for (;;) {
    const people: readonly Id[] = await peopleBehind(ctx, after);
    for (const userId of people) {
      await rateAnew(ctx, userId, 'matrix');
    }
    after = people.at(-1) ?? null;
    if (people.length < BATCH) {
      return;
    }
  }
}

/** Soon after a matrix was put in force, and after an upgrade that brought ratings. */
export const rerateJob: Job = { name: 'kyc.rerate', cron: '*/5 * * * *', run: rerate };

async function peopleBehind(ctx: Ctx, after: Id | null): Promise<readonly Id[]> {
  return transact(ctx, ctx.login, async (tx) => {
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
      .limit(BATCH);
    return rows.map(({ userId }) => userId);
  });
}
