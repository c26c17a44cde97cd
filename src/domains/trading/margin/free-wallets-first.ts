import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockFreeWallets } from '../../ledger/index.ts';
import { KeeperReplaced } from './fence.ts';
import { walletsInHalves } from './wallets-in-halves.ts';

/** Wallets that somebody held, of one transaction: whoever waits for one of them keeps few others. */
const HELD_WALLETS = 20;

/** Whoever waits for a wallet that somebody holds has everybody wait; one that stays held is for the next look. */
const HELD_TIMEOUT_MS = 2_000;
/** How often, and after which pauses, it is looked who is free where one was waited for in vain. */
const LOOKS_MAX = 4;
const LOOK_MS = 50;

/**
 * Works on many wallets, so many at once, on those that nobody holds together and first, then on the others as they come
 * free. Whoever waited for one wallet while it held all of them would have everybody wait who holds or wants another; who is
 * passed over is worked on all the same, before the next look, so that nobody escapes by being busy. One that stays held is
 * waited for once, whoever waits with it: after that those are worked on that are free, and the others waited for without it.
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
  const failed: Id[] = [];
  const freeOf = async (some: readonly Id[]): Promise<readonly Id[]> => {
    const held: Id[] = [];
    const undone = await walletsInHalves(ctx, some, async (ids) => {
      const done = await work(ids, true);
      held.push(...ids.filter((id) => !done.has(id)));
    });
    failed.push(...undone);
    return held;
  };
  const held: Id[] = [];
  for (let from = 0; from < walletIds.length; from += atOnce) {
    held.push(...(await freeOf(walletIds.slice(from, from + atOnce))));
  }
  for (let from = 0; from < held.length; from += HELD_WALLETS) {
    const [stuck, ...left] = await waitedFor(held.slice(from, from + HELD_WALLETS));
    const others = await waitedFor(left);
    failed.push(...passedOver(ctx, stuck === undefined ? [] : [stuck, ...others]));
  }
  return failed;

  /** Those that are held still. Locks are taken in the order of ids: the first of them is what was waited for in vain. */
  async function waitedFor(some: readonly Id[]): Promise<readonly Id[]> {
    let left = some.toSorted();
    const waited = left.length === 0 || (await work(left, false).catch(unlessReplaced));
    if (waited !== null) {
      return [];
    }
    for (let looks = 0; left.length > 0 && looks < LOOKS_MAX; looks += 1) {
      await Bun.sleep(looks === 0 ? 0 : LOOK_MS);
      left = [...(await freeOf(left))];
    }
    return left;
  }
}

function passedOver({ deps }: Ctx, walletIds: readonly Id[]): readonly Id[] {
  for (const walletId of walletIds) {
    deps.log.warn({ walletId }, 'a wallet was held for too long, and its margin is kept with the next look');
  }
  return walletIds;
}

/** What failed together is worked on apart. */
function unlessReplaced(failure: unknown): null {
  if (failure instanceof KeeperReplaced) {
    throw failure;
  }
  return null;
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

/** No lock of the transaction is waited for any longer. @units ms */
export async function boundLockWaits(tx: Tx, longest: number = HELD_TIMEOUT_MS): Promise<void> {
  await tx.execute(sql`select set_config('lock_timeout', ${String(longest)}, true)`);
}
