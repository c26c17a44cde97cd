import { and, asc, gt, isNotNull } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { isNotErased } from '../../identity/index.ts';
import { kycApplications } from '../schema.ts';

/** A page of everybody who ever handed in an application and was not erased, in the order of their ids. */
export async function ratedPeople(tx: Tx, after: Id | null, limit: number): Promise<readonly Id[]> {
  const rows = await tx
    .selectDistinct({ userId: kycApplications.userId })
    .from(kycApplications)
    .where(
      and(
        isNotNull(kycApplications.submittedAt),
        isNotErased(kycApplications.userId),
        after === null ? undefined : gt(kycApplications.userId, after),
      ),
    )
    .orderBy(asc(kycApplications.userId))
    .limit(limit);
  return rows.map(({ userId }) => userId);
}
