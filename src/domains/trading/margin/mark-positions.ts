/**
 * Open positions follow the prices of their instruments. A mark and what it makes the wallet hold are one
 * transaction, under the lock of the wallet: what a position has lost is held before anybody can take it.
 */
import { sql } from 'drizzle-orm';
import { storedAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { together, transact } from '../../../platform/db/transact.ts';
import { lockWallets } from '../../ledger/index.ts';
import { instrumentsBySymbol, type PricedInstrument } from '../../markets/index.ts';
import { raiseAlerts } from '../../risk/index.ts';
import { requiredFor } from '../positions/rules.ts';
import { positions } from '../positions/schema.ts';
import { staleMarkAlert } from './alerts.ts';
import { holdKeeper } from './fence.ts';
import { type MarginWallet, type MarkedPosition, readMargin } from './read-margin.ts';
import { triggerExits, walletsToTrigger } from './trigger-exits.ts';
import { walletsInHalves } from './wallets-in-halves.ts';

/** Wallets of one transaction: what they wait for each other is short. */
const BATCH_WALLETS = 500;

/**
 * Marks every open position whose instrument has a price that it does not know, or whose exit the price has reached.
 * A price that is stale marks nothing, and somebody is told.
 * @effects as `markWallets`; perhaps rows of `risk_alerts`
 * @errors KeeperReplaced
 * @shape how many wallets were marked
 */
export async function markPositions(ctx: Ctx, epoch: bigint): Promise<number> {
  const due = await transact(ctx, 'engine', async (tx) => {
    await holdKeeper(tx, epoch);
    const instruments = await pricedInstruments(tx);
    const unsupported = instruments.filter(({ priceVouched }) => !priceVouched);
    await raiseAlerts(tx, ctx, unsupported.map(staleMarkAlert));
    const priced = instruments.filter(({ priceStale }) => !priceStale);
    const moved = await walletsToMark(tx, priced);
    // What was reached while nothing could be triggered has its mark already.
    return [...new Set([...moved, ...(await walletsToTrigger(tx, ctx, priced))])];
  });
  const batches = Array.from({ length: Math.ceil(due.length / BATCH_WALLETS) }, (_, index) =>
    due.slice(index * BATCH_WALLETS, (index + 1) * BATCH_WALLETS),
  );
  const lane = async (): Promise<void> => {
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
      await walletsInHalves(ctx, batch, (walletIds) =>
        transact(ctx, 'engine', async (tx) => {
          await holdKeeper(tx, epoch);
          await markWallets(tx, ctx, walletIds);
        }),
      );
    }
  };
  // While the database writes one, the next is measured.
  await together(lane(), lane());
  return due.length;
}

/**
 * Marks what some wallets carry at the prices of now, has them hold what that requires, and triggers the exits that
 * the marks have reached.
 * @effects locks the wallets in id order; `positions`, `margin_holds` and with them `wallets.reserved`; as `triggerExits`
 */
export async function markWallets(tx: Tx, ctx: Ctx, walletIds: readonly Id[]): Promise<MarginWallet[]> {
  const locked = await lockWallets(tx, walletIds);
  const wallets = await readMargin(tx, locked.values());
  const changed = wallets.flatMap((wallet) => wallet.positions.filter(isChanged));
  if (changed.length > 0) {
    await writeMarks(tx, ctx, changed);
  }
  await holdMore(tx, ctx, wallets.filter(holdsTooLittle));
  await triggerExits(tx, ctx, wallets);
  return wallets;
}

/** The instruments of open positions that have a price. */
async function pricedInstruments(tx: Tx): Promise<PricedInstrument[]> {
  const rows = await executePrepared<{ symbol: string }>(
    tx,
    sql`select distinct symbol from positions where closed_at is null`,
  );
  const found = await instrumentsBySymbol(
    tx,
    rows.map(({ symbol }) => symbol),
  );
  return [...found.values()].filter(({ last }) => last !== null);
}

async function walletsToMark(tx: Tx, instruments: readonly PricedInstrument[]): Promise<Id[]> {
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
