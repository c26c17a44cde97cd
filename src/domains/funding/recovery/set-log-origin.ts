import { eq } from 'drizzle-orm';
import type { Role } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { readIdentity } from '../../../platform/audit/log-identity.ts';
import { continueUnderNewOrigin } from '../../../platform/audit/log-origin.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { RECOVERY_EVENTS } from '../../../platform/recovery/audit.ts';
import type { Recovery } from '../../../platform/recovery/mode.ts';
import { recoveries } from '../../../platform/recovery/schema.ts';
import { requireOpen } from './end-recovery.ts';
import { refuseRecovery } from './errors.ts';

const SET_ORIGIN = 'recovery.set_log_origin';

const DECIDERS = ['compliance_officer', 'mlro', 'admin'] as const satisfies readonly Role[];

/**
 * Puts the name under which the audit log goes on before another person. A restored tree is shorter than what
 * others hold checkpoints of: under the old name it would contradict them. Where nobody holds more, two people
 * may say so by giving the name it has.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_in_recovery, log_settled, log_origin_in_use, approval_pending_exists
 */
export async function requestLogOrigin(
  ctx: Ctx,
  { origin, reason }: { readonly origin: string; readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'engine', async (tx) => {
    const recovery = await requireUnsettled(tx, origin);
    return requestApproval(tx, ctx, {
      action: SET_ORIGIN,
      subjectType: 'recovery',
      subjectId: recovery.id,
      subjectUserId: null,
      payload: { origin, treeSize: recovery.treeSize, foreignSize: recovery.foreignSize, reason },
      quorum: 1,
      checkerRoles: DECIDERS,
      reason,
    });
  });
}

/** What the checker's vote does: the log goes on, and every verifier is told since where and why. */
export const logOriginChange: ApprovalAction = {
  action: SET_ORIGIN,
  inRecovery: true,
  execute: async (ctx, { payload }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { origin, reason } = payload as unknown as { readonly origin: string; readonly reason: string };
    const recovery = await requireUnsettled(tx, origin);
    const { treeSize: fromSize, foreignSize: heldElsewhere } = recovery;
    if ((await readIdentity(tx))?.origin !== origin) {
      await continueUnderNewOrigin(ctx, { origin, reason, fromSize, heldElsewhere });
    }
    const [settled] = await tx
      .update(recoveries)
      .set({ logOrigin: origin, logSettledAt: ctx.deps.clock.realNow() })
      .where(eq(recoveries.id, recovery.id))
      .returning();
    await record(tx, ctx, {
      event: RECOVERY_EVENTS['recovery.log_settled'],
      resource: { type: 'recovery', id: recovery.id },
      subjectUserId: null,
      before: recovery,
      after: present(settled, 'the recovery was locked'),
    });
  },
};

async function requireUnsettled(tx: Tx, origin: string): Promise<Recovery> {
  const recovery = await requireOpen(tx);
  if (recovery.logSettledAt !== null) {
    throw refuseRecovery('log_settled');
  }
  const identity = await readIdentity(tx);
  const borne = identity?.origins.some((past) => past.origin === origin) === true;
  if (borne || (identity?.origin === origin && mayBeBehind(recovery))) {
    throw refuseRecovery('log_origin_in_use');
  }
  return recovery;
}

/** A backup is older than what was signed since; after a move of the whole database the tree may be whole. */
function mayBeBehind({ cause, treeSize, foreignSize }: Recovery): boolean {
  return cause === 'restored' || cause === 'log_behind' || (foreignSize ?? 0) > treeSize;
}
