import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { ClosingObstacle } from '../../platform/domain.ts';
import { refuseIdentity } from './errors.ts';

/** What is open with a person: money, holds, orders, payments, debts, reviews. */
export async function obstaclesOf(tx: Tx, ctx: Ctx, userId: Id): Promise<readonly ClosingObstacle[]> {
  const found: ClosingObstacle[] = [];
  for (const obstacles of ctx.deps.privacy.closingObstacles) {
    found.push(...(await obstacles(tx, userId)));
  }
  return found;
}

/** @errors closing_obstructed with an entry for each obstacle */
export async function refuseObstructed(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  const found = await obstaclesOf(tx, ctx, userId);
  if (found.length > 0) {
    throw refuseIdentity('closing_obstructed', {
      detail: found.map((obstacle) => obstacle.detail).join('; '),
      errors: found.map(({ code, detail }) => ({ pointer: 'path/id', code, detail })),
    });
  }
}
