import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { KeeperReplaced } from './fence.ts';

/**
 * Works on wallets together, and on halves of them where that fails: one that cannot be reckoned with keeps no
 * other from being seen to.
 * @errors KeeperReplaced
 */
export async function inHalves(
  ctx: Ctx,
  walletIds: readonly Id[],
  work: (walletIds: readonly Id[]) => Promise<void>,
): Promise<void> {
  try {
    await work(walletIds);
  } catch (failure) {
    if (failure instanceof KeeperReplaced) {
      throw failure;
    }
    if (walletIds.length === 1) {
      const kind = failure instanceof Error ? failure.name : 'unknown';
      ctx.deps.log.error(
        { failure: kind, walletId: walletIds[0] },
        'the margin of a wallet could not be kept',
      );
      return;
    }
    const middle = Math.ceil(walletIds.length / 2);
    await inHalves(ctx, walletIds.slice(0, middle), work);
    await inHalves(ctx, walletIds.slice(middle), work);
  }
}
