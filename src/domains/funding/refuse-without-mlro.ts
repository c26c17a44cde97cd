import { sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Approval } from '../../platform/approvals/request-approval.ts';
import type { Tx } from '../../platform/db/client.ts';
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
  const [mlro] = await tx.execute(sql`
    select 1 from role_grants
    where role = 'mlro' and user_id = any (${sql.param([...checkerIds])}::uuid[]) limit 1`);
  if (mlro === undefined) {
    throw refuseFunding('mlro_vote_required');
  }
}
