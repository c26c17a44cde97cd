import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { walletsInHalves } from './wallets-in-halves.ts';

/** Wallets that somebody held, of one transaction: whoever waits for one of them keeps few others. */
const HELD_WALLETS = 20;

/**
 * Works on many wallets, on those that nobody holds together and at once, then on the others as they come free. Whoever
 * waited for one wallet while it held all of them would have everybody wait who holds or wants another; who is passed over
 * is worked on all the same, before the next look, so that nobody escapes by being busy.
 * @shape work: one transaction; with `onlyFree` for those that nobody holds; answers which those were
 * @errors KeeperReplaced
 * @shape those that could not be worked on
 */
export async function freeWalletsFirst(
  ctx: Ctx,
  walletIds: readonly Id[],
  work: (walletIds: readonly Id[], onlyFree: boolean) => Promise<ReadonlySet<Id>>,
): Promise<readonly Id[]> {
  const held: Id[] = [];
  const failed = [
    ...(await walletsInHalves(ctx, walletIds, async (ids) => {
      const free = await work(ids, true);
      held.push(...ids.filter((id) => !free.has(id)));
    })),
  ];
  for (let from = 0; from < held.length; from += HELD_WALLETS) {
    const some = held.slice(from, from + HELD_WALLETS);
    failed.push(
      ...(await walletsInHalves(ctx, some, async (ids) => {
        await work(ids, false);
      })),
    );
  }
  return failed;
}
