/**
 * Contracts in the settlement's transaction: what is read before it plans, and what it writes of positions. The
 * lock of a position is that of its wallet. What is held as margin follows the positions by trigger
 * (migrations/0018_trading_depth_guards.sql), and is let go first, so that a loss can be paid from it.
 */
import { sql } from 'drizzle-orm';
import { amountOf, formatAmount, readStoredAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import { type Ctx, perDeps } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter, insertRows } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { namesOf, readColumns } from '../../../platform/db/read-columns.ts';
import { onCommit, together } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { accountsByIds } from '../../accounts/index.ts';
import { houseWallet } from '../../ledger/index.ts';
import type { PricedInstrument } from '../../markets/index.ts';
import { raiseAlerts } from '../../risk/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { lossBorneAlert } from '../margin/loss-borne-alert.ts';
import type { SettleWallets } from '../pipeline/record-settlement.ts';
import { fillsOf, type Plan, type PlannedTrade } from '../pipeline/settle-plan.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { leavingIn, ORDER_OUTGROWN } from './leaving.ts';
import {
  type ChangedPosition,
  type ContractHouse,
  type ContractPlan,
  isContract,
  type Position,
  planContracts,
} from './plan-contracts.ts';
import { positions } from './schema.ts';
import { readTiedCash } from './tied-cash.ts';

type Instruments = ReadonlyMap<string, PricedInstrument>;

/** What profit and loss of contracts pass through, and how the firm is named where it bears a loss. */
export const CONTRACT_CLEARING = 'contracts';
export const FIRM_AS_DEBTOR = 'firm';

const NO_CONTRACTS: ContractPlan = {
  walletIds: [],
  changed: [],
  journals: [],
  realised: new Map(),
  borne: [],
  outgrown: [],
};

const knownHouses = perDeps(() => new Map<string, ContractHouse>());

/**
 * The wallets of the house that contract trades of a plan pass through.
 * @effects perhaps rows of `wallets`
 * @shape by `<book> <asset>`
 */
export async function contractHouses(
  tx: Tx,
  ctx: Ctx,
  plan: { readonly trades: readonly Pick<PlannedTrade, 'book' | 'symbol'>[] },
  instruments: Instruments,
): Promise<ReadonlyMap<string, ContractHouse>> {
  const known = knownHouses(ctx.deps);
  const houses = new Map<string, ContractHouse>();
  for (const trade of plan.trades.filter((one) => isContract(one, instruments))) {
    const { book } = trade;
    const asset = present(instruments.get(trade.symbol)?.settlementAsset, 'a contract settles in an asset');
    const key = houseKey(book, asset);
    const standing = houses.get(key) ?? known.get(key);
    const house = standing ?? {
      clearing: (await houseWallet(tx, ctx, { role: 'clearing', reference: CONTRACT_CLEARING, book, asset }))
        .id,
      firm: (await houseWallet(tx, ctx, { role: 'receivable', reference: FIRM_AS_DEBTOR, book, asset })).id,
    };
    houses.set(key, house);
    if (standing === undefined) {
      // They may just have been made, and not be there in the end.
      onCommit(tx, () => known.set(key, house));
    }
  }
  return houses;
}

/** Names the house of a book and an asset, for maps. */
export function houseKey(book: 'live' | 'paper', asset: string): string {
  return `${book} ${asset}`;
}

/**
 * Plans the contract trades of a settlement whose wallets are locked, and what of contracts it sends to venues; asks for
 * nothing where there are none. `away`: what those who trade have at a venue already, locked.
 * @errors OrderUnfit, CashTied
 */
export async function settleContracts(
  tx: Tx,
  ctx: Ctx,
  plan: Plan,
  instruments: Instruments,
  wallets: SettleWallets,
  away: readonly OrderRow[],
): Promise<ContractPlan> {
  const traded = plan.trades
    .filter((trade) => isContract(trade, instruments))
    .flatMap((trade) => fillsOf(trade).map(({ order }) => order));
  const parties = [...traded, ...leavingIn(plan, instruments)];
  if (parties.length === 0) {
    return NO_CONTRACTS;
  }
  const walletIds = new Set(
    parties.map(({ accountId, reservationAsset }) => wallets.of(accountId, reservationAsset).id),
  );
  const accountIds = parties.map(({ accountId }) => accountId);
  const [open, held, accounts] = await together(
    openPositions(tx, [...walletIds]),
    heldIn(tx, [...walletIds]),
    accountsByIds(tx, accountIds),
  );
  // Only what closes a position can lose, and only what reserves beside it can stand before the loss.
  const losing = [...walletIds].filter(
    (id) => wallets.byId(id).reserved > (held.get(id) ?? 0n) && open.some(({ walletId }) => walletId === id),
  );
  const tied = await readTiedCash(tx, ctx, losing);
  const house = (book: 'live' | 'paper', asset: string) => wallets.contracts(book, asset);
  return planContracts(plan, {
    instruments,
    wallets,
    house,
    accounts,
    open,
    held,
    tied,
    away,
    now: ctx.deps.clock.now(),
  });
}

/** The open positions that wallets settle. */
async function openPositions(tx: Tx, walletIds: readonly Id[]): Promise<readonly Position[]> {
  return readColumns(
    tx,
    positions,
    namesOf(positions),
    sql`${positions} where wallet_id = any (${idsOf(walletIds)}::uuid[]) and closed_at is null order by id`,
  );
}

async function heldIn(tx: Tx, walletIds: readonly Id[]): Promise<ReadonlyMap<Id, bigint>> {
  const rows = await executePrepared<{ readonly wallet_id: Id; readonly held: string }>(
    tx,
    sql`select wallet_id, held from margin_holds where wallet_id = any (${idsOf(walletIds)}::uuid[])`,
  );
  return new Map(rows.map(({ wallet_id, held }) => [wallet_id, readStoredAmount(held)]));
}

/** Lets go what wallets hold as margin until their positions are written. @effects `margin_holds`, `wallets.reserved` */
export async function releaseMarginHolds(tx: Tx, walletIds: readonly Id[]): Promise<void> {
  if (walletIds.length > 0) {
    await executePrepared(tx, sql`select release_margin_holds(${idsOf(walletIds)}::uuid[])`);
  }
}

/**
 * Writes what became of positions, after the fills that made it.
 * @effects `positions`, by trigger `margin_holds` and `wallets.reserved`; audit and outbox of `position.*`
 */
export async function writePositions(tx: Tx, ctx: Ctx, plan: ContractPlan): Promise<void> {
  const { changed, borne, outgrown } = plan;
  if (changed.length === 0) {
    return;
  }
  const standing = changed.filter(({ before }) => before !== null).map(({ after }) => after);
  const opened = changed.filter(({ before }) => before === null).map(({ after }) => after);
  await together(
    // What ends makes room for what begins: an account has one open position in an instrument.
    updatePositions(tx, standing),
    insertRows(tx, positions, opened),
    recordMany(tx, ctx, [
      ...changed.map(({ before, after }) => ({
        event: TRADING_EVENTS[`position.${changeOf(before, after)}`],
        resource: { type: 'position', id: after.id },
        subjectUserId: after.userId,
        ...(before === null ? {} : { before }),
        after,
      })),
      ...borne.map(({ position, fillId, amount }) => ({
        event: TRADING_EVENTS['position.loss_borne'],
        resource: { type: 'position', id: position.id },
        subjectUserId: position.userId,
        after: { ...position, fillId, amount: formatAmount(amount) },
      })),
    ]),
    publish(tx, ctx, [...changed.map(newsOf), ...outgrown.map(outgrownNews)]),
    raiseAlerts(
      tx,
      ctx,
      borne.map(({ position, fillId, amount, trade }) =>
        lossBorneAlert(position, fillId, amount, {
          tradeId: trade.id,
          price: formatAmount(trade.price),
          quantity: formatAmount(trade.quantity),
          mark: formatAmount(trade.mark),
          tradedWith: trade.with,
          closedBy: trade.liquidated ? 'firm' : 'customer',
        }),
      ),
    ),
  );
}

function changeOf(before: Position | null, after: Position): 'opened' | 'changed' | 'closed' {
  return after.closedAt !== null ? 'closed' : before === null ? 'opened' : 'changed';
}

function newsOf({ before, after }: ChangedPosition) {
  return {
    type: `trading.position_${changeOf(before, after)}`,
    userId: after.userId,
    accountId: after.accountId,
    customerVisible: true,
    data: {
      positionId: after.id,
      accountId: after.accountId,
      symbol: after.symbol,
      side: after.side,
      status: after.status,
      quantity: formatAmount(after.quantity),
      realisedPnl: formatAmount(after.realisedPnl),
      lossBorne: formatAmount(after.lossBorne),
      occurredAt: after.updatedAt,
    },
  };
}

/** For those who ask it back: it is not the customer's news before that has been done. */
function outgrownNews({ order, reason }: ContractPlan['outgrown'][number]) {
  const { id, userId, accountId } = order;
  return {
    type: ORDER_OUTGROWN,
    userId,
    accountId,
    customerVisible: false,
    data: { orderId: id, reason },
  };
}

/** What a settlement changes of a position that stood, by column. */
const CHANGED = {
  status: 'position_status',
  quantity: 'numeric',
  entryValue: 'numeric',
  initialMargin: 'numeric',
  openedQuantity: 'numeric',
  openedValue: 'numeric',
  closedQuantity: 'numeric',
  closedValue: 'numeric',
  fillCount: 'integer',
  fees: 'numeric',
  realisedPnl: 'numeric',
  lossBorne: 'numeric',
  markPrice: 'numeric',
  markedAt: 'timestamptz',
  unrealisedPnl: 'numeric',
  maintenanceMargin: 'numeric',
  liquidationPrice: 'numeric',
  version: 'integer',
  updatedAt: 'timestamptz',
  closedAt: 'timestamptz',
} as const satisfies Partial<Record<keyof Position, string>>;

async function updatePositions(tx: Tx, rows: readonly Position[]): Promise<void> {
  if (rows.length === 0) {
    return;
  }
  const names = Object.keys(CHANGED) as (keyof typeof CHANGED)[];
  const columns = names.map((name) => sql.identifier(positions[name].name));
  const sets = names.map(
    (name, index) => sql`${columns[index]} = change.${columns[index]}::${sql.raw(CHANGED[name])}`,
  );
  const arrays = names.map(
    (name) =>
      sql`${sql.param(
        arrayParameter(
          'text',
          rows.map((row) => textOf(row[name])),
        ),
      )}::text[]`,
  );
  await executePrepared(
    tx,
    sql`update positions p set ${sql.join(sets, sql`, `)}
      from unnest(${idsOf(rows.map(({ id }) => id))}::uuid[], ${sql.join(arrays, sql`, `)})
        as change (id, ${sql.join(columns, sql`, `)})
      where p.id = change.id and p.id = any (${idsOf(rows.map(({ id }) => id))}::uuid[])`,
  );
}

function textOf(value: Position[keyof typeof CHANGED]): string | null {
  return value === null ? null : typeof value === 'bigint' ? formatAmount(amountOf(value)) : String(value);
}

function idsOf(ids: readonly Id[]) {
  return sql.param(arrayParameter('uuid', [...ids]));
}
