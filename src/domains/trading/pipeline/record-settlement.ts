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
import { accountAllows, accountsByIds } from '../../accounts/index.ts';
import { gateRefusal, lockGates } from '../../identity/index.ts';
import { type FoundWallet, findWallets, houseWallet, lockWallets, walletKey } from '../../ledger/index.ts';
import { instrumentsBySymbol, type PricedInstrument } from '../../markets/index.ts';
import type { OrderTraded } from '../engine/event.ts';
import { moveOf } from '../rules.ts';
import { orders } from '../schema.ts';
import type { Book } from './desk.ts';
import { holdBooks } from './fence.ts';
import {
  type BookEvent,
  emptyPlan,
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
}

/** The wallets of a settlement, all locked. */
export type SettleWallets = {
  readonly of: (accountId: Id, asset: string) => FoundWallet;
  readonly fees: (book: OrderRow['book'], asset: string) => Id;
};

/**
 * Settles events of any number of books.
 * @effects `trades`, `fills`, `orders`, `order_events`, journals of kind `trade`, `wallets.reserved`,
 *   lots, `quotes`, outbox `trading.order_*`, audit `order.traded` and `order.closed`
 * @errors BookLost, BreakerTripped, PartiesRestricted, OrdersReplaced
 * @shape the orders that were triggered or set free, to be told to their books once this is committed
 */
export async function recordSettlement(
  tx: Tx,
  ctx: Ctx,
  batch: readonly BookEvents[],
): Promise<readonly OrderRow[]> {
  await holdBooks(
    tx,
    batch.map(({ book }) => book),
  );
  await refuseRestricted(tx, batch);
  await refuseTripped(tx, batch);
  const ids = new Set(batch.flatMap(({ events }) => [...ordersIn(events)]));
  const rows = new Map((await lockRows(tx, orders, [...ids])).map((row) => [row.id, row]));
  if ([...rows.values()].some((row) => row.status === 'replaced')) {
    throw new OrdersReplaced('an order of the settlement was replaced');
  }
  const instruments = await instrumentsBySymbol(
    tx,
    batch.map(({ book }) => book.symbol),
  );
  const plan = emptyPlan();
  for (const { book, events } of batch) {
    planEvents(plan, events, termsOf(book, instruments), rows);
  }
  const wallets = await lockSettlement(tx, ctx, plan, instruments);
  await writeSettlement(tx, ctx, plan, instruments, wallets);
  const now = ctx.deps.clock.now();
  return [...plan.orders.values()]
    .map((order) => returning(order, now))
    .filter((order) => order !== null)
    .sort((left, right) => ((left.bookSeq ?? 0n) < (right.bookSeq ?? 0n) ? -1 : 1));
}

function termsOf(book: Book, instruments: ReadonlyMap<string, PricedInstrument>): SettleTerms {
  const instrument = present(instruments.get(book.symbol), 'an instrument with a book exists');
  return {
    instrumentId: instrument.id,
    book: book.book,
    symbol: instrument.symbol,
    baseAsset: instrument.baseAsset,
    quoteAsset: instrument.quoteAsset,
    makerFeeBps: instrument.makerFeeBps,
    takerFeeBps: instrument.takerFeeBps,
    nextSeq: () => {
      const seq = book.nextSeq;
      book.nextSeq += 1n;
      return seq;
    },
  };
}

/** Gates before any row lock. An order accepted in good standing may meet its trade without it. */
async function refuseRestricted(tx: Tx, batch: readonly BookEvents[]): Promise<void> {
  const live = tradesIn(batch.filter(({ book }) => book.book === 'live'));
  const gates = await lockGates(tx, live.flatMap(partiesOf));
  const barred = live.flatMap(sidesOf).filter(({ userId, side }) => {
    const refusal = gateRefusal(gates.get(userId), moveOf(side));
    // New terms of service bind new orders, not those already accepted under the old ones.
    return refusal !== null && refusal !== 'agreements_outdated';
  });
  const userIds = [...new Set(barred.map(({ userId }) => userId))];
  const accountIds = tradesIn(batch).flatMap((trade) => [trade.makerAccountId, trade.takerAccountId]);
  const accounts = await accountsByIds(tx, accountIds);
  const inactive = [...accounts.values()]
    .filter((account) => !accountAllows(account.status, 'trade'))
    .map((account) => account.id);
  if (userIds.length > 0 || inactive.length > 0) {
    throw new PartiesRestricted(userIds, inactive);
  }
}

function tradesIn(batch: readonly BookEvents[]): OrderTraded[] {
  return batch.flatMap(({ events }) => events.filter((event) => event.type === 'trade'));
}

function partiesOf(trade: OrderTraded): Id[] {
  return [trade.makerPersonId, trade.takerPersonId];
}

function sidesOf({ makerPersonId, takerPersonId, takerSide }: OrderTraded) {
  const makerSide = takerSide === 'buy' ? 'sell' : 'buy';
  return [
    { userId: makerPersonId, side: makerSide },
    { userId: takerPersonId, side: takerSide },
  ] as const;
}

async function lockSettlement(
  tx: Tx,
  ctx: Ctx,
  plan: Plan,
  instruments: ReadonlyMap<string, PricedInstrument>,
): Promise<SettleWallets> {
  const names = plan.trades.flatMap((trade) => {
    const instrument = instruments.get(trade.symbol);
    return [trade.buy.order, trade.sell.order].flatMap((order) => [
      { accountId: order.accountId, asset: instrument?.baseAsset ?? '' },
      { accountId: order.accountId, asset: instrument?.quoteAsset ?? '' },
    ]);
  });
  const found = await findWallets(tx, names);
  const fees = await feeWallets(tx, ctx, plan, instruments);
  const reserving = [...plan.orders.values()].flatMap(({ row }) =>
    row.walletId === null ? [] : [row.walletId],
  );
  const locked = await lockWallets(tx, [
    ...[...found.values()].map((wallet) => wallet.id),
    ...fees.values(),
    ...reserving,
  ]);
  const suspended = [...found.values()].filter((wallet) => locked.get(wallet.id)?.status !== 'active');
  if (suspended.length > 0) {
    throw new PartiesRestricted(
      [],
      suspended.flatMap((wallet) => (wallet.accountId === null ? [] : [wallet.accountId])),
    );
  }
  return {
    of: (accountId, asset) =>
      present(
        found.get(walletKey({ accountId, asset })),
        'acceptance made every wallet that settlement pays into',
      ),
    fees: (book, asset) =>
      present(fees.get(`${book} ${asset}`), 'the house has a wallet for the fees of every trade'),
  };
}

async function feeWallets(
  tx: Tx,
  ctx: Ctx,
  plan: Plan,
  instruments: ReadonlyMap<string, PricedInstrument>,
): Promise<ReadonlyMap<string, Id>> {
  const wallets = new Map<string, Id>();
  for (const trade of plan.trades) {
    const asset = instruments.get(trade.symbol)?.quoteAsset ?? '';
    const key = `${trade.book} ${asset}`;
    if (!wallets.has(key)) {
      const house = { role: 'fees_earned', reference: 'trading', book: trade.book, asset } as const;
      wallets.set(key, (await houseWallet(tx, ctx, house)).id);
    }
  }
  return wallets;
}
