import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { inHalves } from '../../../platform/in-halves.ts';
import { KeeperReplaced } from './fence.ts';

/**
 * Works on wallets together, and on halves of them where that fails: one that cannot be reckoned with keeps no
 * other from being seen to.
 * @errors KeeperReplaced
 * @shape those that failed alone
 */
export async function walletsInHalves(
  ctx: Ctx,
  walletIds: readonly Id[],
  work: (walletIds: readonly Id[]) => Promise<void>,
): Promise<readonly Id[]> {
  const failed: Id[] = [];
  await inHalves(walletIds, work, (failure, walletId) => {
    if (failure instanceof KeeperReplaced) {
      throw failure;
    }
    if (walletId !== undefined) {
      failed.push(walletId);
      const kind = failure instanceof Error ? failure.name : 'unknown';
      ctx.deps.log.error({ failure: kind, walletId }, 'the margin of a wallet could not be kept');
    }
  });
  return failed;
}
