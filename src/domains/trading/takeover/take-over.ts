import { eq } from 'drizzle-orm';
import { type Amount, formatAmount, minAmount, ONE, parseAmount, ZERO } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { lockOpenApprovals } from '../../../platform/approvals/open-approvals.ts';
import { requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseSelfAction } from '../../identity/index.ts';
import { refuseHolder, refuseHolders } from '../../markets/index.ts';
import { refuseTrading } from '../errors.ts';
import { MARGIN_EVENTS } from '../margin/audit.ts';
import { positions } from '../positions/schema.ts';
import { lockTakeable, type Takeable } from './facts.ts';
import { hasMoved } from './rules.ts';
import { settleTakeover } from './settle.ts';

type Agreed = { readonly liquidationId: Id; readonly quantity: string; readonly mark: string };

const ACTION = 'position.take_over';

/** What was agreed on for longer was agreed on in another market. */
const EXPIRES_MS = 30 * 60_000;

/**
 * Asks another person to agree that the firm takes over a position, or a part of it, that its liquidation finds nobody for.
 * Nobody names a price: it is the mark of the vote.
 * @effects one row of `approvals`; as `lockTakeable`; audit `approval.requested`
 * @errors not_found, self_action (also whoever holds the instrument), takeover_quantity_invalid, approval_pending_exists, and those of `lockTakeable`
 */
export async function takeOverPosition(
  ctx: Ctx,
  input: { readonly positionId: Id; readonly quantity: Amount | null; readonly reason: string },
) {
  return transact(ctx, 'engine', async (tx) => {
    const position = await findPosition(tx, input.positionId);
    refuseSelfAction(ctx, position.userId);
    await refuseHolder(tx, ctx, position.instrumentId);
    // A vote holds its approval while it locks the rest.
    const open = await lockOpenApprovals(tx, position.id);
    if (open.some(({ action }) => action === ACTION)) {
      throw refuse('approval_pending_exists');
    }
    const takeable = await lockTakeable(tx, ctx, position);
    const quantity = input.quantity ?? takeable.most;
    refuseQuantity(takeable, quantity);
    const { instrument, liquidation, price } = takeable;
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'position',
      subjectId: position.id,
      subjectUserId: position.userId,
      payload: {
        liquidationId: liquidation.id,
        accountId: position.accountId,
        symbol: position.symbol,
        side: position.side,
        quantity: formatAmount(quantity),
        mark: formatAmount(instrument.last),
      },
      quorum: 1,
      checkerRoles: ['risk_manager', 'compliance_officer'],
      reason: input.reason,
      expiresInMs: EXPIRES_MS,
    });
    return {
      positionId: position.id,
      approvalId: approval.id,
      quantity,
      markPrice: instrument.last,
      price,
      status: 'pending' as const,
    };
  });
}

/**
 * What the vote on a takeover does: the position is closed against the firm at the mark of now, in the vote's transaction.
 * It is never more than was agreed on, nor than the liquidation needs by then.
 * @effects as `settleTakeover`; audit `liquidation.taken_over`
 * @errors self_approval, liquidation_not_running, mark_moved, takeover_quantity_invalid, and those of `lockTakeable`
 */
export const positionTakeover: ApprovalAction = {
  action: ACTION,
  refuseVoter: (ctx, { subjectId }, voterId) =>
    transact(ctx, 'engine', async (tx) => {
      const { instrumentId } = await findPosition(tx, subjectId);
      await refuseHolders(tx, instrumentId, [voterId]);
    }),
  execute: (ctx, { approvalId, subjectId, payload, makerId, checkerIds }) =>
    transact(ctx, 'engine', async (tx) => {
      const position = await findPosition(tx, subjectId);
      // Who has something on the other side could have come by it since they asked or voted.
      await refuseHolders(tx, position.instrumentId, [makerId, ...checkerIds]);
      const takeable = await lockTakeable(tx, ctx, position);
      const agreed = payload as unknown as Agreed;
      if (agreed.liquidationId !== takeable.liquidation.id) {
        throw refuseTrading('liquidation_not_running');
      }
      const { last, collarBps } = takeable.instrument;
      if (hasMoved(parseAmount(agreed.mark), last, collarBps)) {
        throw refuseTrading('mark_moved');
      }
      const quantity = minAmount(parseAmount(agreed.quantity), takeable.most);
      refuseQuantity(takeable, quantity);
      await record(tx, ctx, {
        event: MARGIN_EVENTS['liquidation.taken_over'],
        resource: { type: 'liquidation', id: takeable.liquidation.id },
        subjectUserId: takeable.position.userId,
        after: await settleTakeover(tx, ctx, takeable, quantity, approvalId),
      });
    }),
};

async function findPosition(tx: Tx, positionId: Id): Promise<typeof positions.$inferSelect> {
  const [position] = await tx.select().from(positions).where(eq(positions.id, positionId));
  if (position === undefined) {
    throw refuse('not_found');
  }
  return position;
}

/** No more than the liquidation would close, in whole lots or all of it, at a price that makes an exact value. */
function refuseQuantity({ marked, instrument, most, price }: Takeable, quantity: Amount): void {
  const isWhole = quantity === marked.row.quantity;
  const rest = marked.row.quantity - quantity;
  const isTradable =
    isWhole ||
    (quantity % instrument.lot === 0n &&
      quantity >= instrument.minQuantity &&
      rest >= instrument.minQuantity);
  if (quantity <= ZERO || quantity > most || !isTradable || (price * quantity) % ONE !== 0n) {
    throw refuseTrading('takeover_quantity_invalid');
  }
}
