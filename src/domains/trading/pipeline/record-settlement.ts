/**
 * One transaction for what the engine did: trades, fills, order states, journals, lots, events,
 * audit. Locks in the house's order: books, gates, breakers, orders, wallets. It proves that the parties may
 * still trade; if not, nothing is written and the caller learns who may not (I8).
 */
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRows } from '../../../platform/db/locks.ts';
import { together } from '../../../platform/db/transact.ts';
import { accountAllows, accountsByIds } from '../../accounts/index.ts';
import { gateRefusal, lockGates } from '../../identity/index.ts';
import { type LockedWallet, lockWallets } from '../../ledger/index.ts';
import { instrumentsBySymbol, type PricedInstrument } from '../../markets/index.ts';
import type { OrderRouted, OrderTraded } from '../engine/event.ts';
import type { FeesOfDay } from '../fees/fees-of-day.ts';
import { feesOfTraders } from '../fees/settle-fees.ts';
import { withoutLiquidations } from '../margin/excuse-liquidations.ts';
import { movesOf, type Side } from '../positions/moves.ts';
import { ordersAwayBeside } from '../positions/orders-away.ts';
import type { ContractHouse } from '../positions/plan-contracts.ts';
import { contractHouses, houseKey, settleContracts } from '../positions/settle-contracts.ts';
import { orders } from '../schema.ts';
import { clearingKey, clearingWallets, executedAccounts } from '../venues/clearing-wallets.ts';
import { siblingsOf } from './bound-orders.ts';
import type { Book } from './desk.ts';
import { refuseExpired } from './expired-orders.ts';
import { holdBooks } from './fence.ts';
import { shareReservations } from './group-reservations.ts';
import { feeWallets, nameWallets } from './known-names.ts';
import {
  type BookEvent,
  emptyPlan,
  fillsOf,
  ordersIn,
  type Plan,
  planEvents,
  type SettleTerms,
} from './settle-plan.ts';
import { returning } from './settle-steps.ts';
import { writeSettlement } from './settle-writes.ts';
import type { OrderRow } from './ticket.ts';
import { refuseTripped } from './tripped-books.ts';

/** What one book's engine did. */
export type BookEvents = { readonly book: Book; readonly events: readonly BookEvent[] };

/** Thrown where a party to a trade may not trade any more; nothing was written. */
export class PartiesRestricted extends Error {
  override readonly name = 'PartiesRestricted';
  readonly userIds: readonly Id[];
  readonly accountIds: readonly Id[];

  constructor(userIds: readonly Id[], accountIds: readonly Id[]) {
    super('a party may not trade any more');
    this.userIds = userIds;
    this.accountIds = accountIds;
  }
}

/** Thrown where another process replaced an order that this one still held; nothing was written. */
export class OrdersReplaced extends Error {
  override readonly name = 'OrdersReplaced';
  readonly orderIds: readonly Id[];

  constructor(orderIds: readonly Id[]) {
    super('an order of the settlement was replaced');
    this.orderIds = orderIds;
  }
}

/** The wallets of a settlement, all locked. */
export type SettleWallets = {
  readonly of: (accountId: Id, asset: string) => LockedWallet;
  readonly byId: (walletId: Id) => LockedWallet;
  readonly fees: (book: OrderRow['book'], asset: string) => Id;
  /** What a venue owes the house, or is owed. */
  readonly clearing: (book: OrderRow['book'], venue: string, asset: string) => Id;
  /** What profit and loss of contracts pass through. */
  readonly contracts: (book: OrderRow['book'], asset: string) => ContractHouse;
};

/**
 * Settles events of any number of books.
 * @effects `trades`, `fills`, `orders`, `order_events`, journals of kind `trade`, `wallets.reserved`,
 *   lots, `quotes`, outbox `trading.order_*`, audit `order.traded` and `order.closed`
 * @errors BookLost, BreakerTripped, PartiesRestricted, OrdersReplaced, OrdersExpired, OrderUnfit, CashTied
 * @shape the orders that were triggered or set free, to be told to their books once this is committed
 */
export async function recordSettlement(
  tx: Tx,
  ctx: Ctx,
  batch: readonly BookEvents[],
): Promise<readonly OrderRow[]> {
  // Whoever owns a book alone sends its orders away: what is there stays the same until it is locked.
  const away = new Set(await ordersAwayBeside(tx, batch.flatMap(movingAway)));
  // One flight: each is begun in the order of the house, since what is read must hold until the locks are let go.
  const ids = new Set([
    ...away,
    ...batch.flatMap(({ book, events }) => {
      const touched = ordersIn(events);
      return [...touched, ...siblingsOf(book, touched)];
    }),
  ]);
  const [, , , locked, instruments] = await together(
    holdBooks(
      tx,
      batch.map(({ book }) => book),
    ),
    refuseRestricted(tx, batch),
    refuseTripped(tx, batch),
    lockRows(tx, orders, [...ids]),
    instrumentsBySymbol(
      tx,
      batch.map(({ book }) => book.symbol),
    ),
  );
  const rows = new Map(locked.map((row) => [row.id, row]));
  const replaced = locked.filter(({ status }) => status === 'replaced');
  if (replaced.length > 0) {
    throw new OrdersReplaced(replaced.map(({ id }) => id));
  }
  refuseExpired(batch, rows, ctx.deps.clock.now());
  const fees = await feesOfTraders(tx, ctx, batch, rows);
  const plan = emptyPlan();
  for (const { book, events } of batch) {
    const terms = termsOf(book, instruments, fees);
    planEvents(plan, events, terms, rows);
    shareReservations(plan, terms, rows);
  }
  const wallets = await lockSettlement(tx, ctx, plan, instruments);
  const others = locked.filter(({ id }) => away.has(id));
  const contracts = await settleContracts(tx, ctx, plan, instruments, wallets, others);
  await writeSettlement(tx, ctx, plan, { instruments, wallets, fees, contracts });
  const now = ctx.deps.clock.now();
  return [...plan.orders.values()]
    .map((order) => returning(order, now))
    .filter((order) => order !== null)
    .sort((left, right) => ((left.bookSeq ?? 0n) < (right.bookSeq ?? 0n) ? -1 : 1));
}

/** The orders of a contract that a venue is about to get, or has traded. */
function movingAway({ book, events }: BookEvents): Id[] {
  return book.venue === null || !book.isContract
    ? []
    : events.flatMap((event) =>
        event.type === 'routed' || event.type === 'executed' ? [event.orderId as Id] : [],
      );
}

function termsOf(
  book: Book,
  instruments: ReadonlyMap<string, PricedInstrument>,
  { tierOf }: FeesOfDay,
): SettleTerms {
  const instrument = present(instruments.get(book.symbol), 'an instrument with a book exists');
  return {
    instrumentId: instrument.id,
    book: book.book,
    symbol: instrument.symbol,
    baseAsset: instrument.baseAsset,
    quoteAsset: instrument.quoteAsset,
    makerFeeBps: instrument.makerFeeBps,
    takerFeeBps: instrument.takerFeeBps,
    tierOf,
    venue: book.venue,
    isContract: instrument.kind === 'contract',
    collarBps: instrument.collarBps,
    tick: instrument.tick,
    nextSeq: () => {
      const seq = book.nextSeq;
      book.nextSeq += 1n;
      return seq;
    },
  };
}

/** Gates before any row lock. An order accepted in good standing may meet its trade without it. */
async function refuseRestricted(tx: Tx, batch: readonly BookEvents[]): Promise<void> {
  // What a venue has executed is a fact; what is about to be sent there is not yet.
  const live = sidesIn(batch.filter(({ book }) => book.book === 'live'));
  const all = sidesIn(batch);
  const accountIds = all.map(({ accountId }) => accountId);
  // In play money too: what leaves is asked back when its account is stopped or loses margin, so it leaves before or never.
  const leaving = all.filter(({ quantity }) => quantity === null);
  // Freezing an account takes its owner's gate, which is held before the account is read.
  const [gates, accounts, moves] = await together(
    lockGates(
      tx,
      [...live, ...leaving].map(({ userId }) => userId),
    ),
    accountsByIds(tx, accountIds),
    movesOf(tx, live),
  );
  const refused = live.filter(({ userId }, index) => {
    const refusal = gateRefusal(gates.get(userId), moves[index] ?? 'trade');
    // New terms of service bind new orders, not those already accepted under the old ones.
    return refusal !== null && refusal !== 'agreements_outdated';
  });
  const barred = await withoutLiquidations(tx, refused, gates);
  const userIds = [...new Set(barred.map(({ userId }) => userId))];
  const inactive = [...accounts.values()]
    .filter((account) => !accountAllows(account.status, 'trade'))
    .map((account) => account.id);
  if (userIds.length > 0 || inactive.length > 0) {
    throw new PartiesRestricted(userIds, inactive);
  }
}

type Party = Side & { readonly userId: Id };

/** Who trades, or is about to at a venue. */
export function sidesIn(batch: readonly BookEvents[]): Party[] {
  return batch.flatMap(({ book, events }) =>
    events.flatMap((event) =>
      event.type === 'trade' ? sidesOf(event, book) : event.type === 'routed' ? [sideOf(event, book)] : [],
    ),
  );
}

function sidesOf(trade: OrderTraded, { instrumentId, isContract }: Book): Party[] {
  const { quantity, makerPersonId, makerAccountId, takerPersonId, takerAccountId, takerSide } = trade;
  const makerSide = takerSide === 'buy' ? 'sell' : 'buy';
  const common = { instrumentId, quantity, isContract };
  return [
    {
      ...common,
      userId: makerPersonId,
      accountId: makerAccountId,
      side: makerSide,
      orderId: trade.makerOrderId,
    },
    {
      ...common,
      userId: takerPersonId,
      accountId: takerAccountId,
      side: takerSide,
      orderId: trade.takerOrderId,
    },
  ];
}

function sideOf(
  { orderId, personId, accountId, side }: OrderRouted,
  { instrumentId, isContract }: Book,
): Party {
  return { userId: personId, accountId, orderId, side, instrumentId, quantity: null, isContract };
}

async function lockSettlement(
  tx: Tx,
  ctx: Ctx,
  plan: Plan,
  instruments: ReadonlyMap<string, PricedInstrument>,
): Promise<SettleWallets> {
  const namesOf = ({ accountId, symbol }: OrderRow) => {
    const instrument = instruments.get(symbol);
    const paid = { accountId, asset: instrument?.quoteAsset ?? '' };
    return instrument?.kind === 'contract'
      ? [paid]
      : [{ accountId, asset: instrument?.baseAsset ?? '' }, paid];
  };
  const trading = plan.trades.flatMap((trade) => fillsOf(trade).flatMap(({ order }) => namesOf(order)));
  const leaving = plan.venues.routed.flatMap(({ order }) => namesOf(order));
  const names = [...trading, ...leaving];
  const idOf = await nameWallets(tx, ctx.deps, names);
  const fees = await feeWallets(
    tx,
    ctx,
    plan.trades.map((trade) => ({
      book: trade.book,
      asset: instruments.get(trade.symbol)?.quoteAsset ?? '',
    })),
  );
  const reserving = [...plan.orders.values()].flatMap(({ row }) =>
    row.walletId === null ? [] : [row.walletId],
  );
  const own = names.flatMap((name) => idOf(name) ?? []);
  const clearing = await clearingWallets(tx, ctx, plan, instruments);
  const houses = await contractHouses(tx, ctx, plan, instruments);
  const houseIds = [...houses.values()].flatMap(({ clearing: pnl, firm }) => [pnl, firm]);
  const locked = await lockWallets(tx, [
    ...own,
    ...fees.values(),
    ...clearing.values(),
    ...houseIds,
    ...reserving,
  ]);
  // A venue's execution is booked whatever has become of the wallet since; nobody of our own trades with such a one, and
  // nothing leaves for a venue that would be booked to it.
  const executed = executedAccounts(plan);
  const bound = [...trading.filter(({ accountId }) => !executed.has(accountId)), ...leaving];
  const suspended = bound.flatMap((name) => {
    const wallet = locked.get(idOf(name) ?? ('' as Id));
    return wallet === undefined || wallet.status === 'active' ? [] : [name.accountId];
  });
  if (suspended.length > 0) {
    throw new PartiesRestricted([], suspended);
  }
  return {
    of: (accountId, asset) =>
      present(
        locked.get(idOf({ accountId, asset }) ?? ('' as Id)),
        'acceptance made every wallet that settlement pays into',
      ),
    byId: (walletId) => present(locked.get(walletId), 'what an order reserves from is locked'),
    fees: (book, asset) =>
      present(fees.get(`${book} ${asset}`), 'the house has a wallet for the fees of every trade'),
    contracts: (book, asset) =>
      present(houses.get(houseKey(book, asset)), 'the house has wallets for the contracts it clears'),
    clearing: (book, venue, asset) =>
      present(clearing.get(clearingKey(book, venue, asset)), 'the house has a wallet for every venue'),
  };
}
