import { and, asc, inArray, isNotNull, isNull, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { accountAllows } from '../../accounts/index.ts';
import { type Gate, readGates } from '../../identity/index.ts';
import { lockWallets } from '../../ledger/index.ts';
import { type Exits, type ExitTrail, exitTrails } from '../positions/exit-orders.ts';
import { positionExits } from '../positions/schema.ts';
import { exitRefusal } from './excuse-liquidations.ts';
import { ANSWER_MS } from './liquidate.ts';
import { whyUntradable } from './obstacles.ts';
import type { MarginWallet, MarkedPosition } from './read-margin.ts';
import { liquidations } from './schema.ts';

/** What decides how a position is left whose exit was triggered, as it is under the lock of its wallet. */
export type TriggeredExit = {
  readonly exits: Exits;
  readonly position: MarkedPosition;
  readonly trail: ExitTrail;
  /** What no order could pass just now; null where nothing stands in the way. */
  readonly obstacle: string | null;
};

type Found = { readonly exits: Exits; readonly position: MarkedPosition; readonly wallet: MarginWallet };

/**
 * Reads triggered exits of positions, all of a kind by one statement; their wallets are locked and marked. Gates are not
 * held: whoever places and settles the order does that, and asks them again.
 * @shape in the order of their positions; what is not triggered or is over by now is missing
 */
export async function readExits(
  tx: Tx,
  ctx: Ctx,
  wallets: readonly MarginWallet[],
  positionIds: readonly Id[],
): Promise<readonly TriggeredExit[]> {
  const found = await triggeredExits(tx, wallets, positionIds);
  if (found.length === 0) {
    return [];
  }
  const trails = await exitTrails(
    tx,
    found.map(({ exits }) => exits),
  );
  const obstacles = await obstaclesTo(tx, ctx, found);
  return found.flatMap(({ exits, position }) => {
    const trail = trails.get(exits.positionId);
    const obstacle = obstacles.get(exits.positionId) ?? null;
    return trail === undefined ? [] : [{ exits, position, trail, obstacle }];
  });
}

async function triggeredExits(
  tx: Tx,
  wallets: readonly MarginWallet[],
  positionIds: readonly Id[],
): Promise<readonly Found[]> {
  if (wallets.length === 0 || positionIds.length === 0) {
    return [];
  }
  const rows = await tx
    .select()
    .from(positionExits)
    .where(
      and(
        inArray(positionExits.positionId, [...positionIds]),
        isNotNull(positionExits.triggeredAt),
        isNull(positionExits.endedAt),
      ),
    )
    .orderBy(asc(positionExits.positionId));
  const open = new Map(
    wallets.flatMap((wallet) => wallet.positions.map((position) => [position.row.id, { wallet, position }])),
  );
  return rows.flatMap((exits) => {
    const of = open.get(exits.positionId);
    return of === undefined ? [] : [{ exits, ...of }];
  });
}

/** What no order could pass just now: none is placed to find out. @shape by position */
async function obstaclesTo(
  tx: Tx,
  ctx: Ctx,
  found: readonly Found[],
): Promise<ReadonlyMap<Id, string | null>> {
  const gates = await readGates(
    tx,
    found.map(({ exits }) => exits.userId),
  );
  const wallets = await lockWallets(
    tx,
    found.map(({ exits }) => exits.walletId),
  );
  const instruments = new Map(found.map(({ position: { instrument } }) => [instrument.id, instrument]));
  const closed = await whyUntradable(tx, ctx, [...instruments.values()]);
  const liquidated = await liquidatedOf(tx, ctx, found);
  const obstacleTo = ({ exits, position, wallet: { account } }: Found): string | null => {
    if (liquidated.has(exits.positionId)) {
      return 'liquidation_open';
    }
    const barred = barredBy(account.type, gates.get(exits.userId));
    if (barred !== null || !accountAllows(account.status, 'trade')) {
      return barred ?? 'account_not_active';
    }
    if (wallets.get(exits.walletId)?.status !== 'active') {
      return 'wallet_not_active';
    }
    return closed.get(position.instrument.id) ?? (position.fresh ? null : 'price_stale');
  };
  return new Map(found.map((one) => [one.exits.positionId, obstacleTo(one)]));
}

/**
 * The positions that a liquidation may close: one that runs, where somebody stands for the price, since it closes nothing at
 * another; and one whose order for it may still trade, however it ended.
 */
async function liquidatedOf(tx: Tx, ctx: Ctx, found: readonly Found[]): Promise<ReadonlySet<Id>> {
  const running = await tx
    .select({ walletId: liquidations.walletId })
    .from(liquidations)
    .where(
      and(
        inArray(
          liquidations.walletId,
          found.map(({ exits }) => exits.walletId),
        ),
        isNull(liquidations.endedAt),
      ),
    );
  const wallets = new Set(running.map(({ walletId }) => walletId));
  const positionIds = arrayParameter(
    'uuid',
    found.map(({ exits }) => exits.positionId),
  );
  const since = addMs(ctx.deps.clock.now(), -ANSWER_MS);
  const ordered = await executePrepared<{ position_id: Id }>(
    tx,
    sql`select distinct l.position_id from liquidation_orders l
      left join orders o on o.account_id = l.account_id and o.idempotency_key = 'liquidation-' || l.id
      where l.position_id = any (${sql.param(positionIds)}::uuid[]) and o.closed_at is null
        and (o.id is not null or l.created_at > ${sql.param(since)}::text::timestamptz)`,
  );
  return new Set([
    ...ordered.map((row) => row.position_id),
    ...found.flatMap(({ exits, position: { instrument } }) =>
      wallets.has(exits.walletId) && instrument.priceVouched ? [exits.positionId] : [],
    ),
  ]);
}

/** Paper accounts obey no KYC gate, but a suspended person trades nowhere. */
function barredBy(account: MarginWallet['account']['type'], gate: Gate | undefined): string | null {
  if (account === 'live') {
    return exitRefusal(gate);
  }
  const active = gate !== undefined && gate.userStatus !== 'suspended' && gate.userStatus !== 'closed';
  return active ? null : 'account_restricted';
}
