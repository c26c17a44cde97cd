import { and, eq, isNull } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { ClosingObstacle } from '../../platform/domain.ts';
import { orders } from './schema.ts';

/** Orders in any book keep a relationship open. */
export async function tradingObstacles(tx: Tx, userId: Id): Promise<readonly ClosingObstacle[]> {
  const [open] = await tx
    .select({ id: orders.id })
    .from(orders)
    .where(and(eq(orders.userId, userId), isNull(orders.closedAt)))
    .limit(1);
  return open === undefined ? [] : [{ code: 'orders_open', detail: 'Orders are open' }];
}
