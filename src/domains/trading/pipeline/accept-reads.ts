/**
 * What an accept batch must know, in as few statements as it takes: whose accounts these are, what
 * their orders name, and which orders were placed before.
 */
import { and, inArray, isNull, sql } from 'drizzle-orm';
import { parseAmount, ZERO } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { lockKinds, lockRows, lockRowsWhere } from '../../../platform/db/locks.ts';
import { namesOf, readColumns } from '../../../platform/db/read-columns.ts';
import { together } from '../../../platform/db/transact.ts';
import { type Account, accountsByIds } from '../../accounts/index.ts';
import { type Gate, gateLockName, readGates } from '../../identity/index.ts';
import {
  type FoundWallet,
  findWallets,
  lockSpendable,
  lotsNamed,
  type NamedLot,
  type SpendableWallet,
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
import { BREAKER_LOCKS, type RiskState, riskLocks } from '../../risk/index.ts';
import { type Contracts, readContracts } from '../positions/accept-contracts.ts';
import { orderEvents, orders } from '../schema.ts';
import { sentAmong } from '../venues/restore-away.ts';
import { type BatchRisk, heldBy, measuredBy, readBatchRisk } from './accept-risk.ts';
import { type Book, bookKey } from './desk.ts';
import { proveOwner } from './fence.ts';
import { confirmNames, type Named, type Names } from './known-names.ts';
import type { Groups } from './replace-leg.ts';
import type { OrderRow, Ticket } from './ticket.ts';

/** An account and an instrument that go together in one order. */
export type Candidate = {
  readonly ticket: Ticket;
  readonly account: Account;
  readonly instrument: PricedInstrument;
};

/** Orders that bear a key or a client order id of the batch, as they were first answered. */
export type EarlierOrders = {
  readonly byKey: Map<string, OrderRow>;
  /** What the key of an account was used for first: the hash of a batch, or null for one order. */
  readonly batchOf: Map<string, string | null>;
  readonly byClientOrderId: Map<string, OrderRow>;
  /** All orders of their groups, by group. */
  readonly groups: Map<Id, readonly OrderRow[]>;
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
  const named = tickets
    .flatMap(({ order, companions }) => [order, ...companions.map((companion) => companion.order)])
    .filter(({ clientOrderId }) => clientOrderId !== null);
  const [byKey, byClientOrderId] = await together(
    ordersBy(
      tx,
      'idempotency_key',
      tickets.map(({ order, idempotencyKey }) => [order.accountId, idempotencyKey]),
    ),
    ordersBy(
      tx,
      'client_order_id',
      named.map(({ accountId, clientOrderId }) => [accountId, clientOrderId ?? '']),
    ),
  );
  const grouped = await ordersOfGroups(tx, [...byKey, ...byClientOrderId]);
  const first = await firstAnswers(tx, [...byKey, ...byClientOrderId, ...grouped]);
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
    groups: Map.groupBy(
      grouped.map((row) => firstOf(first, row).order),
      (order) => order.groupId ?? '',
    ),
  };
}

/** Every order of the groups that some orders belong to. */
async function ordersOfGroups(tx: Tx, rows: readonly OrderRow[]): Promise<OrderRow[]> {
  const groupIds = [...new Set(rows.flatMap(({ groupId }) => groupId ?? []))];
  return groupIds.length === 0
    ? []
    : tx.select().from(orders).where(inArray(orders.groupId, groupIds)).orderBy(orders.id);
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
    triggeredCap: null,
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
  readonly wallets: ReadonlyMap<string, SpendableWallet>;
  /** Those, and the ones that count as positions or fund exits, as they were found. */
  readonly found: ReadonlyMap<string, FoundWallet>;
  readonly isMade: (name: WalletName) => boolean;
  /** Which exchanges are open; one that is missing is closed. */
  readonly markets: ReadonlyMap<Exchange, MarketState>;
  readonly risk: BatchRisk;
  /** What limits are measured by; it changes as orders are counted. */
  readonly measures: RiskState;
  /** The orders that candidates take the place of, locked. */
  readonly replaced: ReadonlyMap<Id, OrderRow>;
  /** The groups of those that belong to one. */
  readonly groups: Groups;
  /** Those of them that were ever sent to a venue. */
  readonly away: ReadonlySet<Id>;
  /** Who executes live orders at a venue; null where nobody does. */
  readonly liveVenue: Ctx['deps']['liveVenue'];
  readonly contracts: Contracts;
  /** The lots that sales name, as they are while their wallets are locked. */
  readonly lots: ReadonlyMap<Id, NamedLot>;
};

/** What a trade is paid and margined in. */
type PaidIn = {
  readonly baseAsset: string;
  readonly quoteAsset: string;
  /** Of a contract, which moves nothing else. */
  readonly settlementAsset: string | null;
};

/** The asset an order reserves. */
export function reservationAssetOf(side: 'buy' | 'sell', instrument: PaidIn): string {
  return instrument.settlementAsset ?? (side === 'buy' ? instrument.quoteAsset : instrument.baseAsset);
}

/** The wallet that what an order fetches is paid into. */
export function receivingWallet({ account, ticket, instrument }: Named): WalletName {
  const { baseAsset, quoteAsset, settlementAsset } = instrument;
  return {
    accountId: account.id,
    asset: settlementAsset ?? (ticket.order.side === 'buy' ? baseAsset : quoteAsset),
  };
}

/** What one flight brought, before it is known which tickets it concerns. */
export type BatchRead = {
  readonly accounts: ReadonlyMap<Id, Account>;
  readonly instruments: ReadonlyMap<string, PricedInstrument>;
  readonly earlier: EarlierOrders;
  readonly gates: ReadonlyMap<Id, Gate>;
  readonly risk: BatchRisk;
  readonly replaced: readonly OrderRow[];
  /** What is open of their groups: more than was locked where another process has just changed one. */
  readonly grouped: readonly OrderRow[];
  readonly away: ReadonlySet<Id>;
  readonly found: ReadonlyMap<string, FoundWallet>;
  readonly locked: ReadonlyMap<string, SpendableWallet>;
  readonly isMade: (name: WalletName) => boolean;
};

/** The wallets an order is funded from and paid into. */
export function walletsOf(named: Named): readonly WalletName[] {
  return [fundingWallet(named), receivingWallet(named)];
}

function fundingWallet({ account, ticket, instrument }: Named): WalletName {
  return { accountId: account.id, asset: reservationAssetOf(ticket.order.side, instrument) };
}

/**
 * Locks and reads what a batch needs in one flight: no statement waits for the answer to another, and each is begun
 * in the order of the house, since what is read must hold until the locks are let go.
 * @effects locks the books, gates, breakers and people against other batches, the orders to replace, then the wallets
 *   that fund the orders, in id order, whose expired holds end
 * @errors BookLost, NamesChanged
 */
export async function readBatch(
  tx: Tx,
  ctx: Ctx,
  books: readonly Book[],
  tickets: readonly Ticket[],
  names: Names,
): Promise<BatchRead> {
  const { named } = names;
  const people = named.map(({ account }) => account.userId);
  const replaces = named.flatMap(({ ticket }) => ticket.replaces ?? []);
  const replacing = replaces.map(({ orderId }) => orderId);
  const groupIds = replaces.flatMap(({ groupId }) => groupId ?? []);
  const [, , gates, risk, replaced, grouped, away, found, locked, accounts, instruments, earlier] =
    await together(
      lockKinds(tx, [
        { names: books.map(bookKey), hold: 'shared' },
        { names: people.map(gateLockName), hold: 'shared' },
        BREAKER_LOCKS,
        riskLocks(people),
      ]),
      books.length === 0 ? Promise.resolve() : proveOwner(tx, books),
      readGates(tx, people),
      readBatchRisk(tx, ctx, named),
      groupIds.length === 0 ? lockRows(tx, orders, replacing) : lockWithGroups(tx, replacing, groupIds),
      openOf(tx, groupIds),
      // Behind their locks: whoever sends an order away holds its lock until that is durable.
      sentAmong(tx, replacing),
      // After what is open was counted: what is filled meanwhile counts as open and as held, never as neither.
      findWallets(tx, named.filter(asksForReceiving).map(receivingWallet)),
      lockSpendable(
        tx,
        ctx,
        named.flatMap((name) => names.walletId(fundingWallet(name)) ?? []),
      ),
      accountsByIds(tx, names.accountIds),
      instrumentsBySymbol(
        tx,
        named.map(({ instrument }) => instrument.symbol),
      ),
      earlierOrders(tx, tickets),
    );
  confirmNames(ctx.deps, names, accounts, instruments);
  const own = [...locked.values()].map((wallet) => [nameOf(wallet), wallet] as const);
  return {
    accounts,
    instruments,
    earlier,
    gates,
    risk,
    replaced,
    grouped,
    away,
    locked: new Map(own),
    found: new Map([...found, ...own]),
    isMade: (name) => names.walletId(name) !== undefined,
  };
}

/** The orders to replace, and all that is open of their groups. */
function lockWithGroups(tx: Tx, ids: readonly Id[], groupIds: readonly Id[]): Promise<OrderRow[]> {
  const among = (some: readonly Id[]) => sql`any (${sql.param(arrayParameter('uuid', some))}::uuid[])`;
  return lockRowsWhere(
    tx,
    orders,
    sql`${orders.id} = ${among(ids)} or (${orders.groupId} = ${among(groupIds)} and ${orders.closedAt} is null)`,
  );
}

/** What is open of some groups: behind their locks, so that what came in while those were waited for is seen. */
async function openOf(tx: Tx, groupIds: readonly Id[]): Promise<readonly OrderRow[]> {
  return groupIds.length === 0
    ? []
    : tx
        .select()
        .from(orders)
        .where(and(inArray(orders.groupId, [...groupIds]), isNull(orders.closedAt)))
        .orderBy(orders.id);
}

function groupsOf(locked: readonly OrderRow[], open: readonly OrderRow[]): Groups {
  const ids = new Set(locked.map(({ id }) => id));
  const isOpen = ({ groupId, closedAt }: OrderRow) => groupId !== null && closedAt === null;
  return {
    live: new Map(Map.groupBy(locked.filter(isOpen), ({ groupId }) => groupId ?? ('' as Id))),
    torn: new Set(open.flatMap(({ id, groupId }) => (ids.has(id) ? [] : (groupId ?? [])))),
    shared: new Map(),
    fresh: new Set(),
  };
}

function nameOf({ accountId, asset }: SpendableWallet): string {
  return walletKey({ accountId: accountId ?? '', asset });
}

/** What a purchase adds to counts as a position, and an exit is funded from what its entry fetched. */
function asksForReceiving({ ticket }: Named): boolean {
  return ticket.order.side === 'buy' || ticket.companions.length > 0;
}

/** What the rules need to know of the candidates, from what was read; asks for what only few need. */
export async function standingOf(
  tx: Tx,
  ctx: Ctx,
  { gates, risk, replaced, grouped, away, found, locked, isMade }: BatchRead,
  candidates: readonly Candidate[],
): Promise<Standing> {
  const markets = await marketStates(
    tx,
    ctx,
    candidates.map(({ instrument }) => instrument),
  );
  const asked = [
    ...candidates.map(fundingWallet),
    ...candidates.filter(asksForReceiving).map(receivingWallet),
  ];
  const known = new Set(asked.map(walletKey));
  const others = heldBy(risk, candidates).filter((name) => !known.has(walletKey(name)));
  const all = others.length === 0 ? found : new Map([...found, ...(await findWallets(tx, others))]);
  return {
    gates,
    markets,
    wallets: locked,
    found: all,
    isMade,
    risk,
    measures: measuredBy(risk, all),
    replaced: new Map(replaced.map((row) => [row.id, row])),
    groups: groupsOf(replaced, grouped),
    away,
    liveVenue: ctx.deps.liveVenue,
    contracts: await readContracts(tx, ctx, candidates),
    lots: await lotsNamed(
      tx,
      candidates.flatMap(({ ticket }) => ticket.order.lots ?? []),
    ),
  };
}
