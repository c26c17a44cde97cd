import { and, eq, ne, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { ClosingObstacle } from '../../../platform/domain.ts';
import { amlAlerts } from '../schema.ts';
import { countOpenCases } from './store.ts';

/** Open work of AML keeps a relationship open, in the words that are used for any review. */
export async function alertObstacles(tx: Tx, userId: Id): Promise<readonly ClosingObstacle[]> {
  const [open] = await tx
    .select({ alerts: sql<number>`count(*)::int` })
    .from(amlAlerts)
    .where(and(eq(amlAlerts.userId, userId), ne(amlAlerts.status, 'resolved')));
  const isLooked = (open?.alerts ?? 0) > 0 || (await countOpenCases(tx, userId)) > 0;
  return isLooked ? [{ code: 'under_review', detail: 'The account is under review' }] : [];
}
