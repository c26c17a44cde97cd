import { DomainError } from '../../../kernel/error.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuseIfChanged } from '../refuse-if-changed.ts';
import type { Withdrawal } from '../store.ts';

/**
 * Why a payout is no longer what its checkers let go, its destination opened and hashed anew; null where it is. Said
 * and not thrown, as what was told of it is kept all the same.
 */
export async function changeOf(tx: Tx, ctx: Ctx, withdrawal: Withdrawal): Promise<string | null> {
  try {
    const approval = await refuseIfChanged(tx, ctx, withdrawal);
    return approval.status === 'executed' ? null : 'approval_not_granted';
  } catch (error) {
    if (error instanceof DomainError) {
      return error.code;
    }
    throw error;
  }
}
