import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuseFunding } from './errors.ts';
import { recordDepositEnd } from './record-deposit-end.ts';
import { deposits } from './schema.ts';
import { type Deposit, findDeposit } from './store.ts';

/**
 * Takes back what a customer announced, as long as nobody has seen the money: it then counts towards no limit, and keeps
 * no relationship open.
 * @effects those of `recordDepositEnd`
 * @errors not_found, deposit_status_conflict
 */
export async function cancelDeposit(ctx: Ctx, depositId: Id): Promise<Deposit> {
  return transact(ctx, 'engine', async (tx) => {
    await findDeposit(tx, ctx, depositId);
    const open = await lockOpenApprovals(tx, depositId);
    const before = present(await lockRow(tx, deposits, depositId), 'deposits are never deleted');
    if (before.status !== 'pending') {
      throw refuseFunding('deposit_status_conflict', { detail: `The deposit is ${before.status}.` });
    }
    return recordDepositEnd(tx, ctx, before, { word: 'cancelled', open });
  });
}
