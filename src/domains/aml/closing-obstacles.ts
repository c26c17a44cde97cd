import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { ClosingObstacle } from '../../platform/domain.ts';
import { countOpenAlerts } from './screen.ts';

/** Open work of AML keeps a relationship open, in the words that are used for any review. */
export async function amlObstacles(tx: Tx, userId: Id): Promise<readonly ClosingObstacle[]> {
  return (await countOpenAlerts(tx, userId)) === 0
    ? []
    : [{ code: 'under_review', detail: 'The account is under review' }];
}
