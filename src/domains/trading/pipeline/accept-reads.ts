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
import type { Account } from '../../accounts/index.ts';
import { type Gate, lockGates } from '../../identity/index.ts';
import { findWallets, type LockedWallet, lockSpendable, walletKey } from '../../ledger/index.ts';
import { instrumentsBySymbol, type PricedInstrument } from '../../markets/index.ts';
import { type LimitRow, loadRiskLimits } from '../../risk/index.ts';
import { orderEvents, orders } from '../schema.ts';
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
  readonly byClientOrderId: Map<string, OrderRow>;
};

/** Names an idempotency key of an account, for maps. */
export function keyOf(accountId: Id, key: string, keyIndex: number): string {
  return `${accountId} ${keyIndex} ${key}`;
}

/** Names a client order id of an account, for maps. */
export function clientKeyOf(accountId: Id, clientOrderId: string): string {
  return `${accountId} ${clientOrderId}`;
}

/** Orders whose key or client order id the batch bears again, in the state they were first answered. */
export async function earlierOrders(tx: Tx, tickets: readonly Ticket[]): Promise<EarlierOrders> {
  const accountIds = tickets.map((ticket) => ticket.order.accountId);
  const keys = tickets.map((ticket) => ticket.idempotencyKey);
  const indexes = tickets.map((ticket) => String(ticket.idempotencyIndex));
  const byKey = await tx
    .select()
    .from(orders)
    .where(
      inArray(
        sql`(${orders.accountId}, ${orders.idempotencyKey}, ${orders.idempotencyIndex})`,
        sql`(select a::uuid, k, i::integer from unnest(${sql.param(accountIds)}::text[], ${sql.param(keys)}::text[],
          ${sql.param(indexes)}::text[]) as batch (a, k, i))`,
      ),
    );
  const named = tickets.filter((ticket) => ticket.order.clientOrderId !== null);
  const byClientOrderId = named.length === 0 ? [] : await ordersNamed(tx, named);
  const first = await firstAnswers(tx, [...byKey, ...byClientOrderId]);
  return {
    byKey: new Map(
      byKey.map((row) => [
        keyOf(row.accountId, row.idempotencyKey ?? '', row.idempotencyIndex ?? 0),
        present(first.get(row.id), 'a stored order has its first event'),
      ]),
    ),
    byClientOrderId: new Map(
      byClientOrderId.map((row) => [
        clientKeyOf(row.accountId, row.clientOrderId ?? ''),
        present(first.get(row.id), 'a stored order has its first event'),
      ]),
    ),
  };
}

async function ordersNamed(tx: Tx, named: readonly Ticket[]): Promise<OrderRow[]> {
  const accountIds = sql.param(named.map((ticket) => ticket.order.accountId));
  const names = sql.param(named.map((ticket) => ticket.order.clientOrderId));
  return tx
    .select()
    .from(orders)
    .where(
      inArray(
        sql`(${orders.accountId}, ${orders.clientOrderId})`,
        sql`(select a::uuid, c from unnest(${accountIds}::text[], ${names}::text[]) as batch (a, c))`,
      ),
    );
}

/** The state of an order when it was first answered: its instruction, and its first event (I11, I14). */
async function firstAnswers(tx: Tx, rows: readonly OrderRow[]): Promise<ReadonlyMap<Id, OrderRow>> {
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
  const firstOf = new Map(
    events.map((event) => [
      event.orderId,
      event.data as { readonly status: OrderRow['status']; readonly reservation: string },
    ]),
  );
  return new Map(
    rows.map((row) => {
      const first = present(firstOf.get(row.id), 'a stored order has its first event');
      return [
        row.id,
        {
          ...row,
          status: first.status,
          reservation: parseAmount(first.reservation),
          filledQuantity: ZERO,
          filledAmount: ZERO,
          fees: ZERO,
          cancelRequestedAt: null,
          cancelReason: null,
          version: 1,
          closedAt: first.status === 'rejected' ? row.placedAt : null,
        },
      ];
    }),
  );
}

/** What the rules need to know of the candidates; gates and funding wallets stay locked. */
export type Standing = {
  readonly gates: ReadonlyMap<Id, Gate>;
  readonly wallets: ReadonlyMap<string, LockedWallet>;
  readonly limits: readonly LimitRow[];
  readonly openOrders: ReadonlyMap<Id, number>;
};

/** The asset an order reserves. */
export function reservationAssetOf(
  side: 'buy' | 'sell',
  instrument: { readonly baseAsset: string; readonly quoteAsset: string },
): string {
  return side === 'buy' ? instrument.quoteAsset : instrument.baseAsset;
}

/** @effects locks the gates, then the wallets that fund the orders, in id order, whose expired holds end */
export async function lockStanding(tx: Tx, ctx: Ctx, candidates: readonly Candidate[]): Promise<Standing> {
  const gates = await lockGates(
    tx,
    candidates.map(({ account }) => account.userId),
  );
  const found = await findWallets(
    tx,
    candidates.map(({ account, ticket, instrument }) => ({
      accountId: account.id,
      asset: reservationAssetOf(ticket.order.side, instrument),
    })),
  );
  const locked = await lockSpendable(
    tx,
    ctx,
    [...found.values()].map((wallet) => wallet.id),
  );
  const limits = await loadRiskLimits(
    tx,
    ctx,
    ['max_order_value', 'max_open_orders'],
    candidates.map(({ account, instrument }) => ({
      accountId: account.id,
      userId: account.userId,
      instrumentId: instrument.id,
      asset: instrument.baseAsset,
    })),
  );
  return {
    gates,
    wallets: new Map(
      [...locked.values()].map((wallet) => [
        walletKey({ accountId: wallet.accountId ?? '', asset: wallet.asset }),
        wallet,
      ]),
    ),
    limits,
    openOrders: await openOrderCounts(
      tx,
      candidates.map(({ account }) => account.id),
    ),
  };
}

async function openOrderCounts(tx: Tx, accountIds: readonly Id[]): Promise<ReadonlyMap<Id, number>> {
  const rows = await tx
    .select({ accountId: orders.accountId, count: sql<number>`count(*)::int` })
    .from(orders)
    .where(and(inArray(orders.accountId, [...new Set(accountIds)]), isNull(orders.closedAt)))
    .groupBy(orders.accountId);
  return new Map(rows.map((row) => [row.accountId, row.count]));
}
