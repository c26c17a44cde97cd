/**
 * An order that takes the place of one of a group: an exit of an entry, or one of a pair. Pure. The group is locked and
 * its book stands still. The rules decide the new order as any other, the exit of an entry that still stands by the price
 * of that; what the group reserves is shared out anew between it and the one that stays.
 */
import { type Amount, amountOf, ZERO } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { DomainError } from '../../../kernel/error.ts';
import type { Id } from '../../../kernel/id.ts';
import { refuseTrading } from '../errors.ts';
import { waitsForPrice } from '../held-orders.ts';
import { instructionAgain } from '../instruction-of.ts';
import { reservedFor, worstFeeBps } from '../reservation.ts';
import { decideOrder, type Situation, type Terms, type Verdict } from '../rules.ts';
import { isExit, leaving } from './accept-groups.ts';
import { leftOf } from './bound-orders.ts';
import { isWaiting, reservedTogether } from './group-reservations.ts';
import type { NewOrder, OrderRow } from './ticket.ts';

/** The open orders of the groups that a batch replaces one of, by group; and those of which not all are locked. */
export type Groups = {
  readonly live: Map<Id, readonly OrderRow[]>;
  readonly torn: ReadonlySet<Id>;
  /** Stored orders that reserve something else by now. */
  readonly shared: Map<Id, SharedAnew>;
  /** Orders of the groups that the batch itself accepted. */
  readonly fresh: Set<Id>;
};

/** An order beside which another stands now, as it was before the batch and as it is. */
export type SharedAnew = { readonly before: OrderRow; readonly after: OrderRow };

/** An order of a group whose place another takes, with what it is bound to. */
export type Leg = {
  readonly replaced: OrderRow;
  /** The entry, while it stands. */
  readonly parent: OrderRow | null;
  /** The other one, of which only one trades. */
  readonly sibling: OrderRow | null;
};

/**
 * What an order is to its group; null for one that has none.
 * @errors (as value) order_changed where another process has just put a new order into the group
 */
export function legOf(replaced: OrderRow, { live, torn }: Groups): Leg | DomainError | null {
  const { groupId } = replaced;
  if (groupId === null) {
    return null;
  }
  if (torn.has(groupId)) {
    return refuseTrading('order_changed');
  }
  const others = (live.get(groupId) ?? []).filter(({ id }) => id !== replaced.id);
  return {
    replaced,
    parent: others.find(({ groupRole }) => groupRole === 'parent') ?? null,
    sibling: others.find(({ groupRole }) => groupRole !== 'parent') ?? null,
  };
}

/** Why a new order does not go together with the other exit: a take-profit gains where a stop-loss loses. */
export function legRefusal(order: NewOrder, { replaced, sibling }: Leg): DomainError | null {
  if (!isExit(replaced.groupRole) || sibling === null) {
    return null;
  }
  const isProfit = replaced.groupRole === 'take_profit';
  const profit = isProfit ? order.limitPrice : sibling.limitPrice;
  const loss = isProfit ? sibling.stopPrice : order.stopPrice;
  if (profit === null || loss === null || (order.side === 'sell' ? profit > loss : profit < loss)) {
    return null;
  }
  const pointer = isProfit ? '/limitPrice' : '/stopPrice';
  const detail = 'the take-profit must gain where the stop-loss loses';
  return refuseTrading('order_group_invalid', { errors: [{ pointer, code: 'custom', detail }] });
}

/** What the group of a leg gives back before it is decided: of a contract only what that order has. */
export function releasedBy({ replaced, sibling }: Leg, { kind }: Pick<Terms, 'kind'>): bigint {
  return replaced.reservation + (kind === 'spot' ? (sibling?.reservation ?? 0n) : 0n);
}

export type LegVerdict = {
  readonly verdict: Verdict;
  /** What the other one reserves from then on, out of what was given back; null where that is what it did. */
  readonly beside: Amount | null;
};

/** Decides the new order, and what each of the two reserves. @units left: what the wallet has left besides the group */
export function decideLeg(order: NewOrder, leg: Leg, situation: Situation, left: bigint): LegVerdict {
  const { replaced, parent, sibling } = leg;
  const { terms } = situation;
  if (isWaiting(replaced)) {
    const entry = present(parent, 'what an exit waits for is open');
    const verdict = decideOrder(
      order,
      leaving({ ...instructionAgain(entry), quantity: entry.quantity }, situation),
    );
    return { verdict: reserving(verdict, ZERO), beside: null };
  }
  const verdict = decideOrder(order, situation);
  if (terms.kind === 'contract') {
    return { verdict: isExit(replaced.groupRole) ? reserving(verdict, ZERO) : verdict, beside: null };
  }
  if (!verdict.accepted || sibling === null) {
    return { verdict, beside: null };
  }
  const rests = !waitsForPrice(order.type);
  const [own = 0n, other = 0n] = reservedTogether(
    [verdict.reservation, needOf(sibling, terms)],
    rests ? 0 : 1,
  );
  const first = least(rests ? own : other, left);
  const second = least(rests ? other : own, left - first);
  return {
    verdict: reserving(verdict, amountOf(rests ? first : second)),
    beside: amountOf(rests ? second : first),
  };
}

/** The row of the new order in its group; one that was refused belongs to none. */
export function bindLeg(row: OrderRow, { replaced }: Leg): OrderRow {
  if (row.status === 'rejected') {
    return row;
  }
  const { groupId, groupRole, parentId } = replaced;
  return { ...row, groupId, groupRole, parentId, status: isWaiting(replaced) ? 'held' : row.status };
}

/** Keeps for the batch that one was put in the place of another, and what the one that stays reserves now. */
export function takeLeg(
  { live, shared, fresh }: Groups,
  leg: Leg,
  row: OrderRow,
  beside: Amount | null,
): void {
  const { replaced, sibling } = leg;
  const groupId = present(row.groupId, 'a leg has its group');
  const others = (live.get(groupId) ?? []).filter(({ id }) => id !== replaced.id);
  live.set(groupId, [...others, row]);
  fresh.add(row.id);
  if (sibling === null || beside === null || beside === sibling.reservation) {
    return;
  }
  if (!fresh.has(sibling.id) && !shared.has(sibling.id)) {
    shared.set(sibling.id, { before: { ...sibling }, after: sibling });
  }
  sibling.reservation = beside;
}

function reserving(verdict: Verdict, reservation: Amount): Verdict {
  return verdict.accepted ? { ...verdict, reservation } : verdict;
}

function needOf(row: OrderRow, terms: Terms): bigint {
  const worst = present(row.limitPrice ?? row.priceCap, 'an order has a limit or a cap');
  return reservedFor(row.side, { quantity: leftOf(row), notional: null }, worst, worstFeeBps(terms));
}

function least(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
