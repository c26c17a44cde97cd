import { sql } from 'drizzle-orm';
import { type Amount, amountOf, minAmount, parseAmount, ZERO } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { bpsOf } from '../../../kernel/rounding.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { readColumns } from '../../../platform/db/read-columns.ts';
import { together } from '../../../platform/db/transact.ts';
import { type Account, accountsByIds } from '../../accounts/index.ts';
import { type FollowedInstrument, followedBySymbol } from '../../markets/index.ts';
import { markedAt, markPriceOf } from '../positions/rules.ts';
import { marginHolds, positions } from '../positions/schema.ts';
import { liquidationPrice, type MarginState, stateOf, type Thresholds } from './rules.ts';

/** What is read of a position to mark it. */
const MARKED = [
  'id',
  'symbol',
  'walletId',
  'side',
  'quantity',
  'entryValue',
  'initialMargin',
  'fundingPaid',
  'markPrice',
  'unrealisedPnl',
  'maintenanceMargin',
  'liquidationPrice',
] as const;

type Position = Pick<typeof positions.$inferSelect, (typeof MARKED)[number]>;

/** An open position as it is now. */
export type MarkedPosition = {
  readonly row: Position;
  readonly instrument: FollowedInstrument;
  /** Whether its price is one that somebody stands for; without, its last mark stays. */
  readonly fresh: boolean;
  readonly price: Amount;
  readonly unrealised: Amount;
  readonly maintenance: Amount;
  readonly liquidationPrice: Amount | null;
};

/** What one wallet carries, measured at the prices of now. */
export type MarginWallet = {
  readonly walletId: Id;
  readonly userId: Id;
  readonly accountId: Id;
  readonly asset: string;
  readonly account: Account;
  readonly thresholds: Thresholds;
  /** What the wallet has that is reserved for nothing but margin. */
  readonly collateral: bigint;
  readonly held: Amount;
  readonly positions: readonly MarkedPosition[];
  readonly state: MarginState;
  /** How it stands by prices that somebody stood for: what it is closed out by. The same where all are such. */
  readonly judged: MarginState;
};

/** What is needed of a wallet; locked, where something is to be decided. */
type WalletFunds = { readonly id: Id; readonly total: bigint; readonly reserved: bigint };

/**
 * Measures wallets that carry or carried positions at the prices of now.
 * @shape in the order of the wallets given; those that never held margin are missing
 */
export async function readMargin(tx: Tx, wallets: Iterable<WalletFunds>): Promise<MarginWallet[]> {
  const funds = [...wallets];
  const ids = funds.map(({ id }) => id);
  const wanted = sql.param(arrayParameter('uuid', ids));
  const [holds, open] = await together(
    readColumns(
      tx,
      marginHolds,
      ['walletId', 'userId', 'accountId', 'asset', 'held'],
      sql`${marginHolds} where wallet_id = any (${wanted}::uuid[])`,
    ),
    readColumns(
      tx,
      positions,
      MARKED,
      sql`${positions} where wallet_id = any (${wanted}::uuid[]) and closed_at is null order by id`,
    ),
  );
  const [instruments, accounts] = await together(
    followedBySymbol(
      tx,
      open.map(({ symbol }) => symbol),
    ),
    accountsByIds(
      tx,
      holds.map(({ accountId }) => accountId),
    ),
  );
  const holdOf = new Map(holds.map((hold) => [hold.walletId, hold]));
  const openOf = Map.groupBy(open, ({ walletId }) => walletId);
  return funds.flatMap(({ id, total, reserved }) => {
    const hold = holdOf.get(id);
    if (hold === undefined) {
      return [];
    }
    const account = present(accounts.get(hold.accountId), 'margin is held for an account');
    const thresholds = thresholdsOf(account);
    const collateral = total - (reserved - hold.held);
    const { held, userId, accountId, asset } = hold;
    const measured = measure(openOf.get(id) ?? [], instruments, collateral, thresholds);
    return [{ walletId: id, userId, accountId, asset, account, thresholds, collateral, held, ...measured }];
  });
}

/** @units scaled parts of the initial margin */
function thresholdsOf(account: Pick<Account, 'marginCallThreshold' | 'liquidationThreshold'>): Thresholds {
  return {
    call: parseAmount(account.marginCallThreshold),
    liquidation: parseAmount(account.liquidationThreshold),
  };
}

function measure(
  rows: readonly Position[],
  instruments: ReadonlyMap<string, FollowedInstrument>,
  collateral: bigint,
  thresholds: Thresholds,
) {
  const marked = rows.map((row) => mark(row, present(instruments.get(row.symbol), 'what is held is listed')));
  const state = stateOf(
    collateral,
    {
      unrealised: sum(marked, ({ unrealised }) => unrealised),
      initial: sum(marked, ({ row }) => row.initialMargin),
      maintenance: sum(marked, ({ maintenance }) => maintenance),
    },
    thresholds,
  );
  const counted = marked.map(countedOf);
  const judged = stateOf(
    collateral,
    {
      unrealised: sum(counted, ({ unrealised }) => unrealised),
      initial: state.initial,
      maintenance: sum(counted, ({ maintenance }) => maintenance),
    },
    thresholds,
  );
  const positionsNow = marked.map((position) => ({
    ...position,
    liquidationPrice: liquidationPrice(
      { ...position.row, maintenanceMarginBps: position.instrument.maintenanceMarginBps ?? 0 },
      {
        equity: state.equity - position.unrealised,
        initial: state.initial,
        maintenance: state.maintenance - position.maintenance,
      },
      thresholds,
    ),
  }));
  return { positions: positionsNow, state, judged };
}

/**
 * What a position counts where it is decided to close somebody out. At its mark, which while its price is stale is
 * the last one: silence alone changes no account. But as it was entered where a trade of its own book made the
 * price, or it may be of any age: such a loss closes nobody out, and such a gain keeps nobody from it.
 */
function countedOf({ row, instrument, unrealised, maintenance }: ReturnType<typeof mark>) {
  if (instrument.priceBacked) {
    return { unrealised, maintenance };
  }
  const bps = BigInt(instrument.maintenanceMarginBps ?? 0);
  return { unrealised: ZERO, maintenance: minAmount(maintenance, bpsOf(row.entryValue, bps, 'up')) };
}

function mark(row: Position, instrument: FollowedInstrument) {
  const { price, fresh } = markPriceOf(row.markPrice, instrument);
  const { unrealisedPnl, maintenanceMargin } = markedAt(row, price, instrument.maintenanceMarginBps ?? 0);
  return { row, instrument, fresh, price, unrealised: unrealisedPnl, maintenance: maintenanceMargin };
}

function sum<Item>(items: readonly Item[], pick: (item: Item) => bigint): Amount {
  return amountOf(items.reduce((total, item) => total + pick(item), 0n));
}
