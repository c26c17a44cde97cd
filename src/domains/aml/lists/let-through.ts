import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction, ApprovedAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { onCommit, transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { listVersions, screeningLists } from '../schema.ts';
import { refreshScreener } from '../screener.ts';
import { activateVersion, type ListVersion, supersedeWaiting } from './store-version.ts';

/**
 * Asks for a version that was refused for what it lost: it becomes active as it was stored, once an MLRO agreed.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, list_not_refused, list_moved_on, approval_pending_exists
 */
export async function overrideRefusal(ctx: Ctx, versionId: Id, reason: string): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const [version] = await tx.select().from(listVersions).where(eq(listVersions.id, versionId));
    if (version === undefined) {
      throw refuse('not_found');
    }
    if (version.status !== 'refused' || version.refusal !== 'list_shrunk' || version.diffHash === null) {
      throw refuseAml('list_not_refused');
    }
    const [list] = await tx.select().from(screeningLists).where(eq(screeningLists.id, version.listId));
    if (list?.activeVersionId !== version.baseVersionId) {
      throw refuseAml('list_moved_on');
    }
    return requestApproval(tx, ctx, {
      action: 'list_version.override',
      subjectType: 'list_version',
      subjectId: version.id,
      subjectUserId: null,
      payload: {
        listId: version.listId,
        diffHash: Buffer.from(version.diffHash).toString('hex'),
        entityCount: version.entityCount,
        nameCount: version.nameCount,
        identifierCount: version.identifierCount,
        removedCount: version.removedCount,
      },
      quorum: 1,
      checkerRoles: ['mlro'],
      reason,
    });
  });
}

/** Runs when a second person agrees that names are gone from a list. */
export const activateVersionAction: ApprovalAction = {
  action: 'list_version.activate',
  execute: (ctx, approved) => letThrough(ctx, approved, 'importing'),
  refused: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    const version = await lockRow(tx, listVersions, approved.subjectId);
    if (version?.status === 'importing') {
      const after = { ...version, status: 'refused' as const };
      await tx.update(listVersions).set({ status: after.status }).where(eq(listVersions.id, version.id));
      await record(tx, ctx, {
        event: AML_EVENTS['list_version.turned_down'],
        resource: { type: 'list_version', id: version.id },
        subjectUserId: null,
        before: version,
        after,
      });
    }
  },
};

/** Runs when an MLRO agrees that a list really lost that much. */
export const overrideRefusalAction: ApprovalAction = {
  action: 'list_version.override',
  execute: (ctx, approved) => letThrough(ctx, approved, 'refused'),
};

/** @errors list_moved_on */
async function letThrough(
  ctx: Ctx,
  approved: ApprovedAction,
  expected: ListVersion['status'],
): Promise<void> {
  const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
  const { list, version } = await lockVersion(tx, approved.subjectId);
  if (
    version.status !== expected ||
    list.status !== 'active' ||
    list.activeVersionId !== version.baseVersionId ||
    Buffer.from(version.diffHash ?? []).toString('hex') !== approved.payload.diffHash
  ) {
    throw refuseAml('list_moved_on');
  }
  await activateVersion(tx, ctx, list, version, approved.approvalId);
  await supersedeWaiting(tx, list.id);
  const { tx: _over, ...later } = ctx;
  onCommit(tx, () => {
    refreshScreener(later).catch(() =>
      ctx.deps.log.warn(
        { requestId: ctx.requestId },
        'the index of the lists is built at the next screening',
      ),
    );
  });
}

async function lockVersion(tx: Tx, versionId: Id) {
  const [known] = await tx.select().from(listVersions).where(eq(listVersions.id, versionId));
  const { listId } = present(known, 'the version exists');
  const list = present(await lockRow(tx, screeningLists, listId), 'the list exists');
  return { list, version: present(await lockRow(tx, listVersions, versionId), 'the version exists') };
}
