import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { refuseFunding } from './errors.ts';
import { recordDepositEnd } from './record-deposit-end.ts';
import { depositMayBecome } from './rules.ts';
import { deposits } from './schema.ts';
import { type Deposit, findDeposit } from './store.ts';

/**
 * Closes a deposit that was never credited. One person may: no money exists yet, so no guard is
 * lowered, and what arrives later is credited through a new deposit.
 * @effects those of `recordDepositEnd`
 * @errors not_found, self_action, deposit_status_conflict
 */
export async function failDeposit(
  ctx: Ctx,
  input: { readonly depositId: Id; readonly reason: string },
): Promise<Deposit> {
  return transact(ctx, 'engine', async (tx) => {
    const { userId } = await findDeposit(tx, ctx, input.depositId);
    refuseSelfAction(ctx, userId);
    const open = await lockOpenApprovals(tx, input.depositId);
    const before = present(await lockRow(tx, deposits, input.depositId), 'deposits are never deleted');
    if (!depositMayBecome(before.status, 'failed')) {
      throw refuseFunding('deposit_status_conflict');
    }
    return recordDepositEnd(tx, ctx, before, { word: 'not_received', reason: input.reason, open });
  });
}
