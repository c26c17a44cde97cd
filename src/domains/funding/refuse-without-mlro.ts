import type { Id } from '../../kernel/id.ts';
import type { Approval } from '../../platform/approvals/request-approval.ts';
import type { Tx } from '../../platform/db/client.ts';
import { isMlroAmong } from '../ledger/index.ts';
import { refuseFunding } from './errors.ts';

/**
 * Where the MLRO was asked, one of those who approve must be an MLRO now. The vote that would have been
 * the last rolls back, so that the place stays free for theirs.
 * @errors mlro_vote_required
 */
export async function refuseWithoutMlro(
  tx: Tx,
  approval: Approval,
  checkerIds: readonly Id[],
): Promise<void> {
  if (!approval.checkerRoles.includes('mlro')) {
    return;
  }
  if (!(await isMlroAmong(tx, checkerIds))) {
    throw refuseFunding('mlro_vote_required');
  }
}
