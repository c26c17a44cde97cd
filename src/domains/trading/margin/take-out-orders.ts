import { type SQL, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { transact } from '../../../platform/db/transact.ts';
import { lockGates } from '../../identity/index.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { tradingEngine } from '../pipeline/trading-engine.ts';
import { recordCancelRequests } from '../record-cancel-requests.ts';
import { holdKeeper } from './fence.ts';
import { boundLockWaits } from './free-wallets-first.ts';
import type { Liquidation } from './judge-margin.ts';
import { walletsInHalves } from './wallets-in-halves.ts';

const LOCK_NOT_AVAILABLE = '55P03';

/** Wallets whose orders are asked to end in one transaction: it holds the gates of their owners. */
const BATCH_WALLETS = 100;
/** Where one of them was held for too long, each is asked by itself, and none of them waited for long again. */
const ALONE_TIMEOUT_MS = 100;
/** Most books have carried out a cancel by then. */
const CANCEL_WAIT_MS = 250;

/**
 * Cancels what stands in the way of some: the open orders that reserve the wallet, but for those that close positions, and
 * what the same person has resting anywhere on the other side, since nobody trades with themselves. What waits to be
 * withdrawn stands in the way too: funding stops it where it hears of the liquidation, unless it is being paid.
 * However many there are, their books are waited for once.
 * @effects as `recordCancelRequests`, once for each order
 * @errors KeeperReplaced
 * @shape those that nothing stood in the way of, and those that something did; one that failed is in neither
 */
export async function takeOutOthers(
  ctx: Ctx,
  epoch: bigint,
  some: readonly Liquidation[],
): Promise<{ readonly clear: readonly Liquidation[]; readonly hindered: readonly Liquidation[] }> {
  const ofWallet = new Map(some.map((liquidation) => [liquidation.walletId, liquidation]));
  const [clear, stopped, requested]: [Liquidation[], Liquidation[], OrderRow[]] = [[], [], []];
  const takeOut = async (walletIds: readonly Id[], longest?: number): Promise<void> => {
    const batch = walletIds.flatMap((walletId) => ofWallet.get(walletId) ?? []);
    const { stand, asked } = await askToEnd(ctx, epoch, batch, longest);
    requested.push(...asked);
    clear.push(...batch.filter(({ id }) => !stand.has(id)));
    stopped.push(...batch.filter(({ id }) => stand.has(id)));
  };
  const walletIds = [...ofWallet.keys()];
  for (let from = 0; from < walletIds.length; from += BATCH_WALLETS) {
    await walletsInHalves(ctx, walletIds.slice(from, from + BATCH_WALLETS), async (ids) => {
      await takeOut(ids).catch(async (failure: unknown) => {
        if (ids.length === 1 || sqlStateOf(failure) !== LOCK_NOT_AVAILABLE) {
          throw failure;
        }
        for (const id of ids) {
          await walletsInHalves(ctx, [id], (alone) => takeOut(alone, ALONE_TIMEOUT_MS));
        }
      });
    });
  }
  if (requested.length > 0) {
    await Promise.race([tradingEngine(ctx.deps).carryOutCancels(requested), Bun.sleep(CANCEL_WAIT_MS)]);
  }
  return { clear, hindered: stopped };
}

/** @shape which have something in the way, and the orders of it */
async function askToEnd(
  ctx: Ctx,
  epoch: bigint,
  batch: readonly Liquidation[],
  longest?: number,
): Promise<{ readonly stand: ReadonlySet<Id>; readonly asked: readonly OrderRow[] }> {
  return transact(ctx, 'engine', async (tx) => {
    await holdKeeper(tx, epoch);
    await boundLockWaits(tx, longest);
    await lockGates(
      tx,
      batch.map(({ userId }) => userId),
    );
    const stand = await hinderedIn(tx, batch);
    const fresh = await executePrepared<{ id: Id }>(
      tx,
      sql`select distinct o.id from liquidations l
        cross join lateral (select o.id, o.cancel_requested_at ${othersOf(sql`l.user_id`, sql`l.wallet_id`)}) o
        where l.id = any (${idsOf(batch)}::uuid[]) and o.cancel_requested_at is null order by o.id`,
    );
    const ids = fresh.map(({ id }) => id);
    return { stand, asked: await recordCancelRequests(tx, ctx, ids, 'liquidation') };
  });
}

/** Which of some liquidations have something in the way. */
export async function hinderedIn(
  db: Pick<Tx, 'execute'>,
  some: readonly Liquidation[],
): Promise<ReadonlySet<Id>> {
  if (some.length === 0) {
    return new Set();
  }
  const rows = await db.execute<{ id: Id }>(sql`
    select l.id from liquidations l where l.id = any (${idsOf(some)}::uuid[])
      and (exists (select ${othersOf(sql`l.user_id`, sql`l.wallet_id`)}) or exists (${withdrawnFrom(sql`l.wallet_id`)}))`);
  return new Set(rows.map(({ id }) => id));
}

function idsOf(some: readonly Liquidation[]): SQL {
  const ids = some.map(({ id }) => id);
  return sql`${sql.param(arrayParameter('uuid', ids))}`;
}

/** The open orders that stand in the way of a person's liquidation. */
function othersOf(userId: SQL, walletId: SQL): SQL {
  return sql`from accounts a join orders o on o.account_id = a.id and o.closed_at is null
    where a.user_id = ${userId} and o.origin <> 'liquidation' and (
      (o.wallet_id = ${walletId} and (not o.reduce_only
        or exists (select from instruments i where i.id = o.instrument_id and i.kind = 'spot')))
      or exists (select from positions p where p.wallet_id = ${walletId} and p.closed_at is null
        and p.instrument_id = o.instrument_id and p.book = o.book
        and (p.side = 'long') = (o.side = 'buy')))`;
}

function withdrawnFrom(walletId: SQL): SQL {
  return sql`select from holds h where h.wallet_id = ${walletId} and h.status = 'active' and h.reason = 'withdrawal'`;
}
