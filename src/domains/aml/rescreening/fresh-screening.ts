import { assert } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { lockedGate, screenLocked } from '../screen.ts';
import { activeVersions, refreshScreener } from '../screener.ts';
import { activeConfig } from '../screening/config-store.ts';
import { behindAmong } from './behind.ts';

/**
 * Screens those of some people who are behind what is active, each in a transaction of its own: what is found
 * stays whatever becomes of the work that asked. Call it before the transaction that moves money.
 * @effects as `screenUser` for whoever is behind
 */
export async function freshenScreenings(ctx: Ctx, userIds: readonly Id[]): Promise<void> {
  assert(ctx.tx === undefined, 'each is screened in a transaction of its own');
  const people = await transact(ctx, 'engine', (tx) => behindNow(tx, ctx, userIds));
  if (people.length === 0) {
    return;
  }
  await refreshScreener(ctx);
  for (const userId of people) {
    await transact(ctx, 'engine', async (tx) => {
      const gate = await lockedGate(tx, userId);
      // Who asked at the same time may have screened them meanwhile.
      const isBehind = (await behindNow(tx, ctx, [userId])).length > 0;
      if (isBehind && (await ctx.deps.personKeys.find(tx, userId)) !== undefined) {
        await screenLocked(tx, ctx, gate, 'payout');
      }
    });
  }
}

/**
 * Whether all of some people were held against what is active in this transaction's view: what became active
 * since they were freshened has to be looked at before their money leaves.
 */
export async function isFreshlyScreened(tx: Tx, ctx: Ctx, userIds: readonly Id[]): Promise<boolean> {
  return (await behindNow(tx, ctx, userIds)).length === 0;
}

/** Without an active list there is nothing to be behind. */
async function behindNow(tx: Tx, ctx: Ctx, userIds: readonly Id[]): Promise<readonly Id[]> {
  const versions = await activeVersions(tx);
  if (Object.keys(versions).length === 0) {
    return [];
  }
  const { configHash } = await activeConfig(tx);
  return behindAmong(tx, { versions, configHash, now: ctx.deps.clock.now(), since: null }, userIds);
}
