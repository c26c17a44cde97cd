/**
 * What is so of a position that the firm may take over, read under the locks of a settlement, in their order: gate,
 * breakers, orders, wallets. Nothing of it is remembered from the request to the vote: each decides by what is so then.
 */
import { and, eq, isNull, sql } from 'drizzle-orm';
import { type Amount, readStoredAmount, ZERO } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, readStoredInstant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRows } from '../../../platform/db/locks.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { lockGates } from '../../identity/index.ts';
import { lockSpendable } from '../../ledger/index.ts';
import { instrumentsBySymbol, marketStates, type PricedInstrument } from '../../markets/index.ts';
import { holdBreakers } from '../../risk/index.ts';
import { refuseTrading } from '../errors.ts';
import { type FeesOfDay, feesOfDay } from '../fees/fees-of-day.ts';
import { ANSWER_MS, closableOf, isBarred, LASTING_MS, PARTIAL_STEPS, unpriced } from '../margin/liquidate.ts';
import { markWallets } from '../margin/mark-positions.ts';
import { untradable } from '../margin/obstacles.ts';
import { placedOf } from '../margin/placed-steps.ts';
import type { MarginWallet, MarkedPosition } from '../margin/read-margin.ts';
import { closingsFor } from '../margin/rules.ts';
import { liquidations } from '../margin/schema.ts';
import { feeWallets } from '../pipeline/known-names.ts';
import type { SettleWallets } from '../pipeline/record-settlement.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import type { positions } from '../positions/schema.ts';
import { contractHouses, houseKey } from '../positions/settle-contracts.ts';
import { orders } from '../schema.ts';
import { type Attempt, foundNobody, takeoverPrice } from './rules.ts';

type Position = typeof positions.$inferSelect;

/** A position that the firm may take over just now. */
export type Takeable = {
  readonly position: Position;
  readonly liquidation: typeof liquidations.$inferSelect;
  readonly wallet: MarginWallet;
  readonly marked: MarkedPosition;
  readonly instrument: PricedInstrument & { readonly last: Amount };
  /** The way the customer's order trades. */
  readonly side: 'buy' | 'sell';
  readonly price: Amount;
  /** What a step of the liquidation would close of it at most. */
  readonly most: Amount;
  /** The orders of the liquidation that are not over; locked. */
  readonly resting: readonly OrderRow[];
  readonly wallets: SettleWallets;
  readonly fees: FeesOfDay;
};

/**
 * Locks what a takeover settles, and decides whether there may be one.
 * @effects as `markWallets` and `feesOfDay`; perhaps house wallets; `liquidation_orders.order_id`
 * @errors position_closed, takeover_of_paper, account_restricted, account_not_active, liquidation_not_running,
 *   liquidation_finds_takers, closing_under_way, instrument_not_trading, mark_not_vouched
 */
export async function lockTakeable(tx: Tx, ctx: Ctx, position: Position): Promise<Takeable> {
  if (position.closedAt !== null) {
    throw refuseTrading('position_closed');
  }
  if (position.book !== 'live') {
    throw refuseTrading('takeover_of_paper');
  }
  const gate = (await lockGates(tx, [position.userId])).get(position.userId);
  const tripped = await holdBreakers(tx);
  const side = position.side === 'long' ? 'sell' : 'buy';
  const resting = await lockClosings(tx, position, side);
  const instruments = await instrumentsBySymbol(tx, [position.symbol]);
  const fees = await feesOfDay(tx, ctx, [position.userId]);
  const lockAll = await walletsOf(tx, ctx, position, instruments);
  await lockAll();
  const [wallet] = await markWallets(tx, ctx, [position.walletId]);
  const known = present(wallet, 'an open position holds margin');
  const marked = known.positions.find(({ row }) => row.id === position.id);
  const [liquidation] = await tx
    .select()
    .from(liquidations)
    .where(and(eq(liquidations.walletId, position.walletId), isNull(liquidations.endedAt)));
  if (marked === undefined) {
    throw refuseTrading('position_closed');
  }
  if (liquidation === undefined || known.judged.equity >= known.judged.cureAt) {
    throw refuseTrading('liquidation_not_running');
  }
  const barred = isBarred(known, gate);
  if (barred !== null) {
    throw refuseTrading(barred === 'account_not_active' ? 'account_not_active' : 'account_restricted');
  }
  // Its terms do not change while it is held; its price is the one that was marked by.
  const terms = present(instruments.get(position.symbol), 'what is held is listed');
  const instrument = { ...terms, ...marked.instrument };
  const { last } = instrument;
  if (last === null || unpriced(marked) !== null) {
    throw refuseTrading('mark_not_vouched');
  }
  const now = ctx.deps.clock.now();
  const markets = await marketStates(
    tx,
    ctx,
    known.positions.map((one) => one.instrument),
  );
  const isClosable = (one: MarkedPosition) =>
    unpriced(one) === null &&
    untradable(one.instrument, markets.get(one.instrument.exchange), tripped, now) === null;
  if (!isClosable(marked)) {
    throw refuseTrading('instrument_not_trading');
  }
  const placed = present((await placedOf(tx, [liquidation.id])).get(liquidation.id), 'it is asked of');
  await refuseUnlocked(tx, position, resting);
  await refuseUntried(tx, ctx, liquidation.id, position.id, resting);
  const others = known.positions.filter((one) => isClosable(one) && !placed.underway.has(one.row.id));
  return {
    position,
    liquidation,
    wallet: known,
    marked,
    instrument: { ...instrument, last },
    side,
    price: takeoverPrice(side, last, instrument.tick),
    most: mostOf(known, marked, others, placed.sized),
    resting,
    // Marking may have held more: what is settled with is what is so behind it.
    wallets: await lockAll(),
    fees,
  };
}

/**
 * How much of a position the next step of its liquidation would close; nothing where others make the account well.
 * @shape closable: what that step could close now
 */
function mostOf(
  { judged, thresholds }: MarginWallet,
  marked: MarkedPosition,
  closable: readonly MarkedPosition[],
  sized: number,
): Amount {
  // Also where an order for it is stuck, which the firm's takes the place of.
  const ranked = [...new Set([marked, ...closable])].map(closableOf);
  const closings = closingsFor(judged, ranked, thresholds, sized >= PARTIAL_STEPS);
  return closings.find(({ id }) => id === marked.row.id)?.quantity ?? ZERO;
}

/** @errors liquidation_finds_takers, closing_under_way */
async function refuseUntried(
  tx: Tx,
  ctx: Ctx,
  liquidationId: Id,
  positionId: Id,
  resting: readonly OrderRow[],
): Promise<void> {
  const now = ctx.deps.clock.now();
  if (!foundNobody(await attemptsAt(tx, liquidationId, positionId), LASTING_MS, now)) {
    throw refuseTrading('liquidation_finds_takers');
  }
  // One that nobody has answered yet may find somebody; one that waits for longer than that is stuck.
  if (resting.some(({ placedAt }) => now < addMs(placedAt, ANSWER_MS))) {
    throw refuseTrading('closing_under_way');
  }
}

/**
 * Locks the orders of liquidations that would close the position. What may trade elsewhere, or closes it for its owner
 * and is with a venue, could close it twice: the venue's answer is waited for.
 * @errors closing_under_way
 */
async function lockClosings(tx: Tx, position: Position, side: 'buy' | 'sell'): Promise<OrderRow[]> {
  const open = await openClosings(tx, position, side);
  if (open.some(({ away }) => away)) {
    throw refuseTrading('closing_under_way');
  }
  const ours = open.filter(({ origin }) => origin === 'liquidation').map(({ id }) => id);
  const rows = await lockRows(tx, orders, ours);
  return rows.filter(({ closedAt }) => closedAt === null);
}

/** What was placed between the two locks, or went to a venue. @errors closing_under_way */
async function refuseUnlocked(tx: Tx, position: Position, resting: readonly OrderRow[]): Promise<void> {
  const open = await openClosings(tx, position, position.side === 'long' ? 'sell' : 'buy');
  const isNew = open.some(
    ({ id, origin, away }) => away || (origin === 'liquidation' && !resting.some((row) => row.id === id)),
  );
  if (isNew) {
    throw refuseTrading('closing_under_way');
  }
}

async function openClosings(tx: Tx, { accountId, instrumentId }: Position, side: 'buy' | 'sell') {
  return executePrepared<{ readonly id: Id; readonly origin: OrderRow['origin']; readonly away: boolean }>(
    tx,
    sql`select o.id, o.origin, exists (
        select from venue_orders v where v.order_id = o.id and v.state <> 'done') as away
      from orders o where o.account_id = ${accountId}::uuid and o.instrument_id = ${instrumentId}::uuid
        and o.side = ${side}::text::order_side and o.closed_at is null order by o.id`,
  );
}

/** How the liquidation tried to close the position, as far as that is over. */
async function attemptsAt(tx: Tx, liquidationId: Id, positionId: Id): Promise<readonly Attempt[]> {
  const rows = await executePrepared<
    Readonly<Record<'placed_at' | 'quantity' | 'filled', string>> & { readonly ended_by: string | null }
  >(
    tx,
    sql`select o.placed_at::text as placed_at, o.quantity, o.filled_quantity as filled, o.cancel_reason as ended_by
      from liquidation_orders l join orders o on o.id = l.order_id and o.status <> 'rejected' and o.closed_at is not null
      where l.liquidation_id = ${liquidationId}::uuid and l.position_id = ${positionId}::uuid order by l.id`,
  );
  return rows.map((row) => ({
    placedAt: readStoredInstant(row.placed_at),
    quantity: readStoredAmount(row.quantity),
    filled: readStoredAmount(row.filled),
    endedBy: row.ended_by,
  }));
}

/** The wallets of the takeover's settlement, by name. @shape locks all of them, in one order, and says how they stand */
async function walletsOf(
  tx: Tx,
  ctx: Ctx,
  { book, symbol, walletId, settlementAsset: asset }: Position,
  instruments: ReadonlyMap<string, PricedInstrument>,
): Promise<() => Promise<SettleWallets>> {
  const fees = await feeWallets(tx, ctx, [{ book, asset }]);
  const houses = await contractHouses(tx, ctx, { trades: [{ book, symbol }] }, instruments);
  const house = present(
    houses.get(houseKey(book, asset)),
    'the house has wallets for the contracts it clears',
  );
  const fee = present(fees.get(`${book} ${asset}`), 'the house has a wallet for the fees of every trade');
  return async () => {
    const locked = await lockSpendable(tx, ctx, [walletId, fee, house.clearing, house.firm]);
    const own = present(locked.get(walletId), 'a position names its wallet');
    if (own.status !== 'active') {
      throw refuseTrading('account_restricted');
    }
    return {
      of: () => own,
      byId: (id) => present(locked.get(id), 'what a takeover moves is locked'),
      fees: () => fee,
      contracts: () => house,
      clearing: () => {
        throw new Error('the firm takes over contracts only');
      },
    };
  };
}
