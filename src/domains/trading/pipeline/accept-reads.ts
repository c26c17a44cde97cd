/**
 * What an accept batch must know, in as few statements as it takes: whose accounts these are, what
 * their orders name, and which orders were placed before.
 */
import { and, inArray, sql } from 'drizzle-orm';
import { parseAmount, ZERO } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { lockRows } from '../../../platform/db/locks.ts';
import { namesOf, readColumns } from '../../../platform/db/read-columns.ts';
import { together } from '../../../platform/db/transact.ts';
import type { Account } from '../../accounts/index.ts';
import { type Gate, lockGates } from '../../identity/index.ts';
import {
  type FoundWallet,
  findWallets,
  type LockedWallet,
  lockSpendable,
  type WalletName,
  walletKey,
} from '../../ledger/index.ts';
import {
  type Exchange,
  instrumentsBySymbol,
  type MarketState,
  marketStates,
  type PricedInstrument,
} from '../../markets/index.ts';
import type { RiskState } from '../../risk/index.ts';
import { orderEvents, orders } from '../schema.ts';
import { type BatchRisk, heldBy, measuredBy, readBatchRisk } from './accept-risk.ts';
import type { OrderRow, Ticket } from './ticket.ts';

/** An account and an instrument that go together in one order. */
export type Candidate = {
  readonly ticket: Ticket;
  readonly account: Account;
  readonly instrument: PricedInstrument;
};

/** @shape by symbol */
export async function pricedInstruments(
  tx: Tx,
  tickets: readonly Ticket[],
): Promise<ReadonlyMap<string, PricedInstrument>> {
  return instrumentsBySymbol(
    tx,
    tickets.map((ticket) => ticket.order.symbol),
  );
}

/** Orders that bear a key or a client order id of the batch, as they were first answered. */
export type EarlierOrders = {
  readonly byKey: Map<string, OrderRow>;
  /** What the key of an account was used for first: the hash of a batch, or null for one order. */
  readonly batchOf: Map<string, string | null>;
  readonly byClientOrderId: Map<string, OrderRow>;
};

/** Names an idempotency key of an account, for maps. */
export function keyOf(accountId: Id, key: string, keyIndex: number): string {
  return `${accountId} ${keyIndex} ${key}`;
}

/** Names a key of an account whatever its place in a batch, for maps. */
export function batchKeyOf(accountId: Id, key: string): string {
  return `${accountId} ${key}`;
}

/** Names a client order id of an account, for maps. */
export function clientKeyOf(accountId: Id, clientOrderId: string): string {
  return `${accountId} ${clientOrderId}`;
}

/** Orders whose key or client order id the batch bears again, in the state they were first answered. */
export async function earlierOrders(tx: Tx, tickets: readonly Ticket[]): Promise<EarlierOrders> {
  const byKey = await ordersBy(
    tx,
    'idempotency_key',
    tickets.map(({ order, idempotencyKey }) => [order.accountId, idempotencyKey]),
  );
  const named = tickets.filter((ticket) => ticket.order.clientOrderId !== null);
  const byClientOrderId = await ordersBy(
    tx,
    'client_order_id',
    named.map(({ order }) => [order.accountId, order.clientOrderId ?? '']),
  );
  const first = await firstAnswers(tx, [...byKey, ...byClientOrderId]);
  return {
    byKey: new Map(
      byKey.map((row) => [
        keyOf(row.accountId, row.idempotencyKey ?? '', row.idempotencyIndex ?? 0),
        firstOf(first, row).order,
      ]),
    ),
    batchOf: new Map(
      byKey.map((row) => [
        batchKeyOf(row.accountId, row.idempotencyKey ?? ''),
        firstOf(first, row).batchHash,
      ]),
    ),
    byClientOrderId: new Map(
      byClientOrderId.map((row) => [
        clientKeyOf(row.accountId, row.clientOrderId ?? ''),
        firstOf(first, row).order,
      ]),
    ),
  };
}

type FirstAnswer = { readonly order: OrderRow; readonly batchHash: string | null };

function firstOf(answers: ReadonlyMap<Id, FirstAnswer>, row: OrderRow): FirstAnswer {
  return present(answers.get(row.id), 'a stored order has its first event');
}

/** Orders of accounts whose column is one of the texts given; a retried batch gives the same more than once. */
async function ordersBy(
  tx: Tx,
  column: 'idempotency_key' | 'client_order_id',
  wanted: readonly (readonly [Id, string])[],
): Promise<OrderRow[]> {
  if (wanted.length === 0) {
    return [];
  }
  const distinct = [...new Map(wanted.map((pair) => [pair.join(' '), pair])).values()];
  const accountIds = sql.param(
    arrayParameter(
      'uuid',
      distinct.map(([accountId]) => accountId),
    ),
  );
  const texts = sql.param(
    arrayParameter(
      'text',
      distinct.map(([, text]) => text),
    ),
  );
  const name = sql.identifier(column);
  return readColumns(
    tx,
    orders,
    ORDER_COLUMNS,
    // A look-up for each, however many they are: OFFSET keeps it from becoming a join that reads all orders.
    sql`unnest(${accountIds}::uuid[], ${texts}::text[]) as wanted (account_id, value) cross join lateral (
      select * from ${orders} o where o.account_id = wanted.account_id and o.${name} = wanted.value offset 0) as orders`,
  );
}

const ORDER_COLUMNS = namesOf(orders);

/** The state of an order when it was first answered: its instruction, and its first event (I11, I14). */
async function firstAnswers(tx: Tx, rows: readonly OrderRow[]): Promise<ReadonlyMap<Id, FirstAnswer>> {
  if (rows.length === 0) {
    return new Map();
  }
  const ids = rows.map((row) => row.id);
  const events = await tx
    .select({ orderId: orderEvents.orderId, data: orderEvents.data })
    .from(orderEvents)
    .where(
      and(inArray(orderEvents.orderId, ids), inArray(orderEvents.type, ['order.accepted', 'order.rejected'])),
    );
  const dataOf = new Map(events.map((event) => [event.orderId, event.data as FirstEvent]));
  return new Map(
    rows.map((row) => {
      const first = present(dataOf.get(row.id), 'a stored order has its first event');
      return [row.id, { order: asFirstAnswered(row, first), batchHash: first.batchHash ?? null }];
    }),
  );
}

type FirstEvent = {
  readonly status: OrderRow['status'];
  readonly reservation: string;
  readonly batchHash?: string;
};

function asFirstAnswered(row: OrderRow, first: FirstEvent): OrderRow {
  return {
    ...row,
    status: first.status,
    reservation: parseAmount(first.reservation),
    filledQuantity: ZERO,
    reducedQuantity: ZERO,
    heldSeq: null,
    highWaterMark: null,
    triggerPrice: null,
    triggeredAt: null,
    filledAmount: ZERO,
    fees: ZERO,
    cancelRequestedAt: null,
    cancelReason: null,
    version: 1,
    closedAt: first.status === 'rejected' ? row.placedAt : null,
  };
}

/** What the rules need to know of the candidates; gates and funding wallets stay locked. */
export type Standing = {
  readonly gates: ReadonlyMap<Id, Gate>;
  readonly wallets: ReadonlyMap<string, LockedWallet>;
  /** Those and the ones that orders are paid into, as they were found; a wallet that was never made is missing. */
  readonly found: ReadonlyMap<string, FoundWallet>;
  /** Which exchanges are open; one that is missing is closed. */
  readonly markets: ReadonlyMap<Exchange, MarketState>;
  readonly risk: BatchRisk;
  /** What limits are measured by; it changes as orders are counted. */
  readonly measures: RiskState;
  /** The orders that candidates take the place of, locked. */
  readonly replaced: ReadonlyMap<Id, OrderRow>;
};

/** The asset an order reserves. */
export function reservationAssetOf(
  side: 'buy' | 'sell',
  instrument: { readonly baseAsset: string; readonly quoteAsset: string },
): string {
  return side === 'buy' ? instrument.quoteAsset : instrument.baseAsset;
}

/** The wallet that what an order fetches is paid into. */
export function receivingWallet({ account, ticket, instrument }: Candidate): WalletName {
  const asset = ticket.order.side === 'buy' ? instrument.baseAsset : instrument.quoteAsset;
  return { accountId: account.id, asset };
}

/** @effects locks the gates, breakers and people against other batches, the orders to replace, then the wallets that fund the orders, in id order, whose expired holds end */
export async function lockStanding(tx: Tx, ctx: Ctx, candidates: readonly Candidate[]): Promise<Standing> {
  const people = candidates.map(({ account }) => account.userId);
  const listed = candidates.map(({ instrument }) => instrument);
  // Begun in the order of the house: gates are locked before what risk locks.
  const [gates, markets, risk] = await together(
    lockGates(tx, people),
    marketStates(tx, ctx, listed),
    readBatchRisk(tx, ctx, candidates),
  );
  const replaced = await lockRows(
    tx,
    orders,
    candidates.flatMap(({ ticket }) => ticket.replaces?.orderId ?? []),
  );
  const funding = candidates.map(({ account, ticket, instrument }) => ({
    accountId: account.id,
    asset: reservationAssetOf(ticket.order.side, instrument),
  }));
  const receiving = candidates.map(receivingWallet);
  const found = await findWallets(tx, [...funding, ...receiving, ...heldBy(risk, candidates)]);
  const locked = await lockSpendable(
    tx,
    ctx,
    funding.flatMap((name) => found.get(walletKey(name))?.id ?? []),
  );
  return {
    gates,
    markets,
    wallets: new Map(
      [...locked.values()].map((wallet) => [
        walletKey({ accountId: wallet.accountId ?? '', asset: wallet.asset }),
        wallet,
      ]),
    ),
    found,
    risk,
    measures: measuredBy(risk, found),
    replaced: new Map(replaced.map((row) => [row.id, row])),
  };
}
