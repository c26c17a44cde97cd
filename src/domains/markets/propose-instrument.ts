import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { MARKETS_EVENTS } from './audit.ts';
import { writeInstrument } from './create-instrument.ts';
import { listingOf, type NewInstrument, shown } from './instrument-terms.ts';
import { instruments } from './schema.ts';
import type { Instrument } from './store.ts';

const ACTION = 'instrument.list';

/**
 * Puts an instrument with its fees, sizes and collar before another person. Until they approve it is
 * halted; refused or taken back, its symbol can be proposed again.
 * @effects one row of `instruments`, one of `approvals`; audit `instrument.created`, `approval.requested`
 * @errors those of `createInstrument`, approval_pending_exists
 */
export async function proposeInstrument(
  ctx: Ctx,
  input: NewInstrument,
): Promise<ReturnType<typeof shown<Instrument>> & { readonly approvalId: Id }> {
  return transact(ctx, 'engine', async (tx) => {
    const instrument = await writeInstrument(tx, ctx, input, 'halted');
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'instrument',
      subjectId: instrument.id,
      subjectUserId: null,
      payload: listingOf(instrument),
      quorum: 1,
      checkerRoles: ['admin', 'risk_manager'],
      reason: `List ${instrument.symbol}`,
    });
    return { ...shown(instrument), approvalId: approval.id };
  });
}

/** What the last approving vote does. @errors conflict where the terms are not what the checkers saw */
export const listInstrumentAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, { approvalId, subjectId, payload }) =>
    transact(ctx, 'engine', async (tx) => {
      const before = await lockRow(tx, instruments, subjectId);
      if (
        before === undefined ||
        before.listedAt !== null ||
        canonicalJson(listingOf(before)) !== canonicalJson(payload)
      ) {
        throw refuse('conflict');
      }
      const [after] = await tx
        .update(instruments)
        .set({
          status: 'active',
          version: before.version + 1,
          listedAt: ctx.deps.clock.now(),
          changeApprovalId: approvalId,
        })
        .where(eq(instruments.id, subjectId))
        .returning();
      await record(tx, ctx, {
        event: MARKETS_EVENTS['instrument.activated'],
        resource: { type: 'instrument', id: subjectId },
        subjectUserId: null,
        before,
        after: present(after, 'the instrument was locked'),
      });
    }),
};
