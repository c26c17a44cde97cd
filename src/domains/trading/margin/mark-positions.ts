/**
 * Open positions follow the prices of their instruments. A mark and what it makes the wallet hold are one
 * transaction, under the lock of the wallet: what a position has lost is held before anybody can take it.
 */
import { sql } from 'drizzle-orm';
import { storedAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { type Ctx, type Deps, perDeps } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { together, transact } from '../../../platform/db/transact.ts';
import { lockWallets } from '../../ledger/index.ts';
import { type FollowedInstrument, followedBySymbol, SPANS_KEPT, spansSince } from '../../markets/index.ts';
import { raiseAlerts } from '../../risk/index.ts';
import type { Spans } from '../pipeline/feed-prices.ts';
import { requiredFor } from '../positions/rules.ts';
import { positions } from '../positions/schema.ts';
import { staleMarkAlert } from './alerts.ts';
import { holdKeeper } from './fence.ts';
import { freeWalletsFirst, takeWallets } from './free-wallets-first.ts';
import { type MarginWallet, type MarkedPosition, readMargin } from './read-margin.ts';
import { triggerExits, walletsToTrigger } from './trigger-exits.ts';

/** Wallets of one transaction: what they wait for each other is short. */
const BATCH_WALLETS = 200;

type Looked = {
  readonly epoch: bigint;
  /** Up to which batch of its feed each instrument was looked at, by the keeper of this epoch. */
  readonly spans: Map<Id, bigint>;
  /** Wallets that could not be marked, with the prices that passed by meanwhile: they lose none of them. */
  failed: ReadonlyMap<Id, Spans>;
};

const lookedBy = perDeps((_deps: Deps): { last: Looked | null } => ({ last: null }));

const NO_SPANS: Spans = new Map();

/**
 * Marks every open position whose instrument has a price that it does not know, or whose exit has been reached, by that
 * price or one that passed by since the last look. A price that is stale marks nothing, and somebody is told.
 * @effects as `markWallets`; perhaps rows of `risk_alerts`
 * @errors KeeperReplaced
 * @shape how many wallets were marked
 */
export async function markPositions(ctx: Ctx, epoch: bigint): Promise<number> {
  const { due, spans, seen } = await transact(ctx, 'engine', async (tx) => {
    await holdKeeper(tx, epoch);
    const instruments = await pricedInstruments(tx);
    const unsupported = instruments.filter(({ priceVouched }) => !priceVouched);
    await raiseAlerts(tx, ctx, unsupported.map(staleMarkAlert));
    const priced = instruments.filter(({ priceStale }) => !priceStale);
    const looked = lookedOf(ctx, epoch, instruments);
    const went = await spansSince(tx, sinceLast(looked, priced));
    const moved = await walletsToMark(tx, priced);
    // What was reached while nothing could be triggered has its mark already.
    const reached = await walletsToTrigger(tx, ctx, priced, went);
    return { due: [...new Set([...moved, ...reached])], spans: went, seen: { looked, priced } };
  });
  const { looked, priced } = seen;
  const before = looked.failed;
  const others = due.filter((walletId) => !before.has(walletId));
  const failed = new Map(
    (await markInBatches(ctx, epoch, others, spans)).map((walletId): [Id, Spans] => [walletId, spans]),
  );
  for (const [walletId, passed] of before) {
    const whole = joined(passed, spans);
    if ((await markInBatches(ctx, epoch, [walletId], whole)).length > 0) {
      failed.set(walletId, whole);
    }
  }
  looked.failed = failed;
  for (const { id, priceSpans } of priced) {
    looked.spans.set(id, spans.get(id)?.at(-1)?.number ?? priceSpans);
  }
  return others.length + before.size;
}

/** @shape those that could not be marked */
async function markInBatches(
  ctx: Ctx,
  epoch: bigint,
  due: readonly Id[],
  spans: Spans,
): Promise<readonly Id[]> {
  const batches = Array.from({ length: Math.ceil(due.length / BATCH_WALLETS) }, (_, index) =>
    due.slice(index * BATCH_WALLETS, (index + 1) * BATCH_WALLETS),
  );
  const failed: Id[] = [];
  const work = (walletIds: readonly Id[], onlyFree: boolean) =>
    transact(ctx, 'engine', async (tx) => {
      await holdKeeper(tx, epoch);
      const taken = await takeWallets(tx, walletIds, onlyFree);
      await markWallets(tx, ctx, [...taken], spans);
      return taken;
    });
  const lane = async (): Promise<void> => {
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
      failed.push(...(await freeWalletsFirst(ctx, batch, BATCH_WALLETS, work)));
    }
  };
  // While the database writes one, the next is measured.
  await together(lane(), lane());
  return failed;
}

/** What passed by before, and since: as much of it as is kept of an instrument. */
function joined(before: Spans, since: Spans): Spans {
  const whole = new Map(before);
  for (const [instrumentId, spans] of since) {
    whole.set(instrumentId, [...(before.get(instrumentId) ?? []), ...spans].slice(-SPANS_KEPT));
  }
  return whole;
}

/** A keeper begins with the prices of its first look: whether something could be triggered before, nobody knows. */
function lookedOf({ deps }: Ctx, epoch: bigint, instruments: readonly FollowedInstrument[]): Looked {
  const memory = lookedBy(deps);
  if (memory.last?.epoch !== epoch) {
    const spans = new Map(instruments.map(({ id, priceSpans }) => [id, priceSpans]));
    memory.last = { epoch, spans, failed: new Map() };
  }
  return memory.last;
}

/** What was not held at the first look has been opened since, and knows itself what was before its exits. */
function sinceLast({ spans }: Looked, priced: readonly FollowedInstrument[]): ReadonlyMap<Id, bigint> {
  const late = priced.filter(({ id, priceSpans }) => priceSpans > (spans.get(id) ?? 0n));
  return new Map(late.map(({ id }) => [id, spans.get(id) ?? 0n]));
}

/**
 * Marks what some wallets carry at the prices of now, has them hold what that requires, and triggers the exits that
 * the marks have reached.
 * @effects locks the wallets in id order; `positions`, `margin_holds` and with them `wallets.reserved`; as `triggerExits`
 */
export async function markWallets(
  tx: Tx,
  ctx: Ctx,
  walletIds: readonly Id[],
  spans: Spans = NO_SPANS,
): Promise<MarginWallet[]> {
  const locked = await lockWallets(tx, walletIds);
  const wallets = await readMargin(tx, locked.values());
  const changed = wallets.flatMap((wallet) => wallet.positions.filter(isChanged));
  if (changed.length > 0) {
    await writeMarks(tx, ctx, changed);
  }
  await holdMore(tx, ctx, wallets.filter(holdsTooLittle));
  await triggerExits(tx, ctx, wallets, spans);
  return wallets;
}

/** The instruments of open positions that have a price. */
async function pricedInstruments(tx: Tx): Promise<FollowedInstrument[]> {
  const rows = await executePrepared<{ symbol: string }>(
    tx,
    sql`select distinct symbol from positions where closed_at is null`,
  );
  const found = await followedBySymbol(
    tx,
    rows.map(({ symbol }) => symbol),
  );
  return [...found.values()].filter(({ last }) => last !== null);
}

async function walletsToMark(tx: Tx, instruments: readonly FollowedInstrument[]): Promise<Id[]> {
  const ids = sql.param(
    arrayParameter(
      'uuid',
      instruments.map(({ id }) => id),
    ),
  );
  const prices = sql.param(arrayLiteral(instruments.map(({ last }) => storedAmount(last ?? 0n))));
  const rows = await executePrepared<{ wallet_id: Id }>(
    tx,
    sql`select distinct p.wallet_id from unnest(${ids}::uuid[], ${prices}::numeric[]) as priced (id, price)
      join positions p on p.instrument_id = priced.id and p.closed_at is null and p.mark_price <> priced.price
      order by p.wallet_id`,
  );
  return rows.map((row) => row.wallet_id);
}

function isChanged({ row, price, unrealised, maintenance, liquidationPrice }: MarkedPosition): boolean {
  return (
    price !== row.markPrice ||
    unrealised !== row.unrealisedPnl ||
    maintenance !== row.maintenanceMargin ||
    liquidationPrice !== row.liquidationPrice
  );
}

/** What came into the wallet is held at once, as far as its positions require it. */
function holdsTooLittle({ held, collateral, positions: open }: MarginWallet): boolean {
  const required = requiredFor(
    open.map(({ row, unrealised }) => ({ initialMargin: row.initialMargin, unrealisedPnl: unrealised })),
  );
  return held < required && held < collateral;
}

async function holdMore(tx: Tx, ctx: Ctx, wallets: readonly MarginWallet[]): Promise<void> {
  if (wallets.length > 0) {
    const ids = arrayParameter(
      'uuid',
      wallets.map(({ walletId }) => walletId),
    );
    const now = sql.param(ctx.deps.clock.now());
    await executePrepared(
      tx,
      sql`select keep_margin_holds(${sql.param(ids)}::uuid[], ${now}::text::timestamptz)`,
    );
  }
}

async function writeMarks(tx: Tx, ctx: Ctx, changed: readonly MarkedPosition[]): Promise<void> {
  const ids = sql.param(
    arrayParameter(
      'uuid',
      changed.map(({ row }) => row.id),
    ),
  );
  const column = (pick: (position: MarkedPosition) => bigint | null) =>
    sql`${sql.param(
      arrayLiteral(
        changed.map((position) => {
          const amount = pick(position);
          return amount === null ? null : storedAmount(amount);
        }),
      ),
    )}::numeric[]`;
  await executePrepared(
    tx,
    sql`update ${positions} p set mark_price = mark.price, unrealised_pnl = mark.unrealised,
        maintenance_margin = mark.maintenance, liquidation_price = mark.liquidation_price,
        marked_at = ${sql.param(ctx.deps.clock.now())}::text::timestamptz
      from unnest(${ids}::uuid[], ${column(({ price }) => price)}, ${column(({ unrealised }) => unrealised)},
        ${column(({ maintenance }) => maintenance)}, ${column((position) => position.liquidationPrice)})
        as mark (id, price, unrealised, maintenance, liquidation_price)
      where p.id = mark.id and p.id = any (${ids}::uuid[])`,
  );
}
