import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockFreeWallets } from '../../ledger/index.ts';
import { walletsInHalves } from './wallets-in-halves.ts';

/** Wallets that somebody held, of one transaction: whoever waits for one of them keeps few others. */
const HELD_WALLETS = 20;

/** Whoever waits for a wallet that somebody holds has everybody wait; one that stays held is for the next look. */
const HELD_TIMEOUT_MS = 2_000;

/**
 * Works on many wallets, so many at once, on those that nobody holds together and first, then on the others as they come
 * free. Whoever waited for one wallet while it held all of them would have everybody wait who holds or wants another; who is
 * passed over is worked on all the same, before the next look, so that nobody escapes by being busy.
 * @shape work: one transaction; with `onlyFree` for those that nobody holds; answers which those were
 * @errors KeeperReplaced
 * @shape those that could not be worked on
 */
export async function freeWalletsFirst(
  ctx: Ctx,
  walletIds: readonly Id[],
  atOnce: number,
  work: (walletIds: readonly Id[], onlyFree: boolean) => Promise<ReadonlySet<Id>>,
): Promise<readonly Id[]> {
  const held: Id[] = [];
  const failed: Id[] = [];
  const inTurn = async (all: readonly Id[], most: number, onlyFree: boolean): Promise<void> => {
    for (let from = 0; from < all.length; from += most) {
      const some = all.slice(from, from + most);
      const undone = await walletsInHalves(ctx, some, async (ids) => {
        const done = await work(ids, onlyFree);
        held.push(...(onlyFree ? ids.filter((id) => !done.has(id)) : []));
      });
      failed.push(...undone);
    }
  };
  await inTurn(walletIds, atOnce, true);
  await inTurn(held, HELD_WALLETS, false);
  return failed;
}

/** Those of some wallets that such a piece of work takes on. @effects their locks, or a bound on how long they are waited for */
export async function takeWallets(
  tx: Tx,
  walletIds: readonly Id[],
  onlyFree: boolean,
): Promise<ReadonlySet<Id>> {
  if (onlyFree) {
    return lockFreeWallets(tx, walletIds);
  }
  await boundLockWaits(tx);
  return new Set(walletIds);
}

/** No lock of the transaction is waited for any longer. */
export async function boundLockWaits(tx: Tx): Promise<void> {
  await tx.execute(sql`select set_config('lock_timeout', ${String(HELD_TIMEOUT_MS)}, true)`);
}
