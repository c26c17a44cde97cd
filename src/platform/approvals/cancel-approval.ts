import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../context.ts';
import { lockRow } from '../db/locks.ts';
import { approvals } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { refuse } from '../http/refuse.ts';
import { refuseInRecovery } from '../recovery/mode.ts';
import { cancelApprovals } from './open-approvals.ts';
import { isVisible } from './visibility.ts';

const CANCELLED = 'taken back by its maker';

/**
 * The maker takes back what nobody has decided yet. What waited for it goes on as after a rejection.
 * @effects the row of `approvals`; audit `approval.cancelled`; whatever the action does when refused
 * @errors not_found, forbidden, self_approval (it is about the maker), approval_not_pending, recovery_mode
 */
export async function cancelApproval(ctx: Ctx, approvalId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const approval = await lockRow(tx, approvals, approvalId);
    const personId = present(personOf(ctx.actor), 'an approval is taken back by a person');
    if (approval === undefined || !(await isVisible(tx, ctx, approvalId))) {
      throw refuse('not_found');
    }
    if (approval.makerId !== personId) {
      throw refuse('forbidden');
    }
    if (approval.subjectUserId === personId) {
      throw refuse('self_approval');
    }
    if (approval.status !== 'pending') {
      throw refuse('approval_not_pending');
    }
    await cancelApprovals(tx, ctx, [approval]);
    const action = ctx.deps.approvalActions.of(approval.action);
    if (action.refused !== undefined) {
      if (action.inRecovery !== true) {
        refuseInRecovery(ctx.deps);
      }
      await action.refused(
        { ...ctx, tx },
        {
          approvalId,
          subjectId: approval.subjectId,
          payload: approval.payload as { readonly [key: string]: Json },
          makerId: approval.makerId,
          checkerIds: [],
        },
        CANCELLED,
      );
    }
  });
}
