import { and, eq, inArray } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { ClosingObstacle } from '../../../platform/domain.ts';
import { kycApplications } from '../schema.ts';

/** An application that was handed in keeps a relationship open until it is decided. */
export async function applicationObstacles(tx: Tx, userId: Id): Promise<readonly ClosingObstacle[]> {
  const [waiting] = await tx
    .select({ id: kycApplications.id })
    .from(kycApplications)
    .where(
      and(eq(kycApplications.userId, userId), inArray(kycApplications.status, ['submitted', 'under_review'])),
    )
    .limit(1);
  return waiting === undefined
    ? []
    : [{ code: 'application_undecided', detail: 'A KYC application waits for its decision' }];
}
