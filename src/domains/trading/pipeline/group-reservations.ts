/**
 * What the orders of a group reserve. Pure. Only one of two that cancel each other trades, so they reserve once: the
 * one that rests holds what it needs, the other what it would need beyond that. What one leaves, the other takes
 * over, and never more than the two had. Exits reserve when they are set free, from what is there then.
 */
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { NewJournal } from '../../ledger/index.ts';
import type { PricedInstrument } from '../../markets/index.ts';
import { waitsForPrice } from '../held-orders.ts';
import type { SettleWallets } from './record-settlement.ts';
import { isClosed, needOf, type Plan, type PlannedOrder, planned, type SettleTerms } from './settle-plan.ts';
import type { OrderRow } from './ticket.ts';

/**
 * What each of two orders reserves of which one trades.
 * @units needs: what each reserves alone; resting: the place of the one that may trade first, or -1
 */
export function reservedTogether(needs: readonly bigint[], resting: number): readonly bigint[] {
  const first = Math.max(resting, 0);
  const own = needs[first] ?? 0n;
  return needs.map((need, index) => (index === first ? own : need > own ? need - own : 0n));
}

/**
 * True for an exit that waits for its entry: it has no place in the book yet. One that takes the place of an exit that was
 * set free, and was accepted where nobody matches, has none either, and is `pending`.
 */
export function isWaiting({
  parentId,
  bookSeq,
  status,
}: Pick<OrderRow, 'parentId' | 'bookSeq' | 'status'>): boolean {
  return parentId !== null && bookSeq === null && status !== 'pending';
}

/** Shares out anew what the groups reserve of which something happened to one; every member's row is in `rows`. */
export function shareReservations(plan: Plan, terms: SettleTerms, rows: ReadonlyMap<Id, OrderRow>): void {
  const touched = new Set<Id>();
  for (const { row } of plan.orders.values()) {
    const isHere = row.instrumentId === terms.instrumentId && row.book === terms.book;
    if (row.groupId !== null && isHere && row.groupRole !== 'parent' && !isWaiting(row)) {
      touched.add(row.groupId);
    }
  }
  if (touched.size === 0 || terms.isContract) {
    return;
  }
  const members = [...rows.values()].filter(
    (row) =>
      row.groupId !== null && touched.has(row.groupId) && row.groupRole !== 'parent' && !isWaiting(row),
  );
  for (const group of Map.groupBy(members, ({ groupId }) => groupId).values()) {
    shareOut(
      group.filter(({ closedAt }) => closedAt === null).map((row) => planned(plan, row.id, rows)),
      terms,
    );
  }
}

function shareOut(members: readonly PlannedOrder[], terms: SettleTerms): void {
  let left = members.reduce((sum, order) => sum + order.row.reservation - spentBy(order), 0n);
  const live = members.filter((order) => !isClosed(order)).toSorted(restingFirst);
  const shares = reservedTogether(
    live.map((order) => needOf(order, terms)),
    0,
  );
  for (const [index, order] of live.entries()) {
    const share = shares[index] ?? 0n;
    order.reservation = share < left ? share : left;
    left -= order.reservation;
  }
}

/** What of its reservation an order has paid with. */
function spentBy({ row, filledQuantity, filledAmount, fees }: PlannedOrder): bigint {
  return row.side === 'sell'
    ? filledQuantity - row.filledQuantity
    : filledAmount - row.filledAmount + (fees - row.fees);
}

function restingFirst(left: PlannedOrder, right: PlannedOrder): number {
  const rank = ({ row, triggered }: PlannedOrder) =>
    waitsForPrice(row.type) && row.triggeredAt === null && triggered === null ? 1 : 0;
  return rank(left) - rank(right) || (left.row.id < right.row.id ? -1 : 1);
}

/** True for an exit that is set free now. */
function isReleased({ row, comesBackAt, triggered }: PlannedOrder): boolean {
  return isWaiting(row) && comesBackAt !== null && triggered === null;
}

/**
 * Lets exits that are set free reserve, from what their wallet holds once these journals are posted. Where it does not
 * hold enough, all exits of the entry end. Exits of a contract only reduce what is open: they reserve nothing.
 */
export function reserveReleased(
  plan: Plan,
  postings: readonly NewJournal[],
  wallets: Pick<SettleWallets, 'byId'>,
  instruments: ReadonlyMap<string, PricedInstrument>,
): void {
  const leaving = [...plan.orders.values()].filter((order) => isReleased(order) && !isClosed(order));
  for (const order of leaving.filter(({ row }) => row.cancelRequestedAt !== null)) {
    end(order, order.row.cancelReason);
  }
  const released = leaving.filter((order) => !isClosed(order));
  const available = new Map<Id, bigint>();
  for (const exits of Map.groupBy(released, ({ row }) => row.groupId).values()) {
    const [{ row }] = exits as [PlannedOrder];
    const instrument = present(instruments.get(row.symbol), 'an instrument with orders exists');
    if (instrument.kind === 'contract' || row.walletId === null) {
      continue;
    }
    const ordered = exits.toSorted(restingFirst);
    const shares = reservedTogether(
      ordered.map((order) => needOf(order, instrument)),
      0,
    );
    const needed = shares.reduce((sum, share) => sum + share, 0n);
    const funds = available.get(row.walletId) ?? availableIn(row.walletId, plan, postings, wallets);
    const isEnough = needed <= funds;
    for (const [index, order] of ordered.entries()) {
      if (isEnough) {
        order.reservation = shares[index] ?? 0n;
      } else {
        end(order, 'insufficient_funds');
      }
    }
    available.set(row.walletId, isEnough ? funds - needed : funds);
  }
}

/** Ends an exit where it would have been set free. */
function end(order: PlannedOrder, reason: string | null): void {
  order.status = 'cancelled';
  order.cancelReason = reason;
  order.comesBackAt = null;
}

/** What is free in a wallet once everything else of the plan is written. */
function availableIn(
  walletId: Id,
  plan: Plan,
  postings: readonly NewJournal[],
  wallets: Pick<SettleWallets, 'byId'>,
): bigint {
  const wallet = wallets.byId(walletId);
  let free = wallet.total - wallet.reserved;
  for (const { entries } of postings) {
    for (const entry of entries) {
      free += entry.walletId === walletId ? entry.amount : 0n;
    }
  }
  for (const { row, reservation } of plan.orders.values()) {
    free -= row.walletId === walletId ? reservation - row.reservation : 0n;
  }
  return free;
}
