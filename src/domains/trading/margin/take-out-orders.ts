import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { transact } from '../../../platform/db/transact.ts';
import { lockGates } from '../../identity/index.ts';
import { tradingEngine } from '../pipeline/trading-engine.ts';
import { recordCancelRequests } from '../record-cancel-requests.ts';
import { holdKeeper } from './fence.ts';
import type { Liquidation } from './judge-margin.ts';

/** Most books have carried out a cancel by then. */
const CANCEL_WAIT_MS = 250;

/**
 * Cancels what stands in the way: the open orders that reserve the wallet, but for those that close positions, and
 * what the same person has resting anywhere on the other side, since nobody trades with themselves. What waits to be
 * withdrawn stands in the way too: funding stops it where it hears of the liquidation, unless it is being paid.
 * @effects as `recordCancelRequests`, once for each order
 * @errors KeeperReplaced
 * @shape whether anything stood in the way
 */
export async function takeOutOthers(
  ctx: Ctx,
  epoch: bigint,
  { walletId, userId }: Liquidation,
): Promise<boolean> {
  const { stand, requested } = await transact(ctx, 'engine', async (tx) => {
    await holdKeeper(tx, epoch);
    await lockGates(tx, [userId]);
    const others = await executePrepared<{ id: Id; asked: boolean }>(
      tx,
      sql`select o.id, o.cancel_requested_at is not null as asked
        from accounts a join orders o on o.account_id = a.id and o.closed_at is null
        where a.user_id = ${userId}::uuid and o.origin <> 'liquidation' and (
          (o.wallet_id = ${walletId}::uuid and (not o.reduce_only
            or exists (select from instruments i where i.id = o.instrument_id and i.kind = 'spot')))
          or exists (select from positions p where p.wallet_id = ${walletId}::uuid and p.closed_at is null
            and p.instrument_id = o.instrument_id and p.book = o.book
            and (p.side = 'long') = (o.side = 'buy')))
        order by o.id`,
    );
    const [held] = await executePrepared<{ withdrawn: boolean }>(
      tx,
      sql`select exists (select from holds h where h.wallet_id = ${walletId}::uuid and h.status = 'active'
        and h.reason = 'withdrawal') as withdrawn`,
    );
    const fresh = others.filter(({ asked }) => !asked).map(({ id }) => id);
    const stands = others.length > 0 || held?.withdrawn === true;
    return { stand: stands, requested: await recordCancelRequests(tx, ctx, fresh, 'liquidation') };
  });
  if (requested.length > 0) {
    await Promise.race([tradingEngine(ctx.deps).carryOutCancels(requested), Bun.sleep(CANCEL_WAIT_MS)]);
  }
  return stand;
}
