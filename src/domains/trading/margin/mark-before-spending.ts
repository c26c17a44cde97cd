import type { Id } from '../../../kernel/id.ts';
import { type Ctx, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { markWallets } from './mark-positions.ts';

/**
 * Marks what wallets carry before somebody spends from them, so that what positions have lost by now is held, also
 * where whoever keeps margin is late or not there. A price that nobody confirmed for too long marks nothing: what is
 * free beside it is not known.
 * @effects as `markWallets`
 * @shape the wallets with a position whose price is stale
 */
export async function markBeforeSpending(
  tx: Tx,
  ctx: Ctx,
  walletIds: readonly Id[],
): Promise<ReadonlySet<Id>> {
  // It is the price that moves marks, not whoever happens to spend.
  const prices = machineCtx(ctx.deps, { kind: 'system', name: 'trading.margin' }, ctx.requestId);
  const wallets = await markWallets(tx, prices, walletIds);
  const unknown = wallets.filter(({ positions }) => positions.some(({ fresh }) => !fresh));
  return new Set(unknown.map(({ walletId }) => walletId));
}
