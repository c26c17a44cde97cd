import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { MARKETS_EVENTS } from './audit.ts';
import { requireNoPositions } from './open-positions.ts';
import { instruments } from './schema.ts';
import { instrumentOf, lockListed } from './store.ts';

const ACTION = 'instrument.delist';

/**
 * Asks another person to end the trading of an instrument for good.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, instrument_not_listed, instrument_delisted, approval_pending_exists
 */
export async function delistInstrument(
  ctx: Ctx,
  symbol: string,
  reason: string,
): Promise<{ readonly symbol: string; readonly approvalId: Id }> {
  return transact(ctx, 'engine', async (tx) => {
    const instrument = await lockListed(tx, (await instrumentOf(tx, symbol)).id);
    await requireNoPositions(tx, instrument.id);
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'instrument',
      subjectId: instrument.id,
      subjectUserId: null,
      payload: { symbol, reason },
      quorum: 1,
      checkerRoles: ['admin', 'risk_manager'],
      reason,
    });
    return { symbol, approvalId: approval.id };
  });
}

/**
 * What the last approving vote does; trading cancels what rests when it hears of it.
 * @effects `instruments`; audit `instrument.delisted`; event `markets.instrument_delisted`
 */
export const delistInstrumentAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, { approvalId, subjectId, payload }) =>
    transact(ctx, 'engine', async (tx) => {
      const before = await lockListed(tx, subjectId);
      await requireNoPositions(tx, subjectId);
      const [after] = await tx
        .update(instruments)
        .set({
          status: 'delisted',
          haltedUntil: null,
          changeApprovalId: approvalId,
          version: before.version + 1,
        })
        .where(eq(instruments.id, subjectId))
        .returning();
      await record(tx, ctx, {
        event: MARKETS_EVENTS['instrument.delisted'],
        resource: { type: 'instrument', id: subjectId },
        subjectUserId: null,
        before,
        after: { ...present(after, 'the instrument was locked'), ...payload },
      });
      await publish(tx, ctx, [
        {
          type: 'markets.instrument_delisted',
          userId: null,
          customerVisible: false,
          data: { instrumentId: subjectId, symbol: before.symbol },
        },
      ]);
    }),
};
