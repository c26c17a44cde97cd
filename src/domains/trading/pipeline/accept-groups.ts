/**
 * Orders that stand or fall together: an entry with its exits, or the two orders of a pair. Pure. The rules decide
 * each; where one is refused, the others are refused for its sake. Exits are measured by the price of their
 * entry and reserve nothing before they are set free; a pair reserves once, since only one of it trades.
 */
import { type Amount, amountOf, ZERO } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import { anchorOf, waitsForPrice } from '../held-orders.ts';
import { sizedAtLimit } from '../notional.ts';
import { decideOrder, type Situation, type Verdict } from '../rules.ts';
import type { Candidate } from './accept-reads.ts';
import { reservedTogether } from './group-reservations.ts';
import type { NewOrder, OrderRow } from './ticket.ts';

/** One order of a ticket, as if it were the ticket's only one. */
export type Member = { readonly candidate: Candidate; readonly role: OrderRow['groupRole'] };

/** Counts an order for those that are decided behind it, or out. */
export type Count = (member: Member, priceCap: Amount | null, orders: 1 | -1) => void;

/** The orders of a ticket, its own first; what is sized by its notional at a limit price has its units, as its exits have. */
export function membersOf(asked: Candidate): readonly [Member, ...Member[]] {
  const candidate = withUnits(asked);
  const { ticket } = candidate;
  const { companions } = ticket;
  if (companions.length === 0) {
    return [{ candidate, role: null }];
  }
  const isPair = companions.some(({ role }) => role === 'oco');
  const units = ticket.order.notional === null ? null : ticket.order.quantity;
  const others = companions.map(({ role, order: asked, requestHash, idempotencyIndex }): Member => {
    const order = units === null ? asked : { ...asked, quantity: units, notional: null };
    const alone = { ...ticket, order, requestHash, idempotencyIndex: idempotencyIndex ?? 0, companions: [] };
    return { candidate: { ...candidate, ticket: alone }, role };
  });
  return [{ candidate, role: isPair ? 'oco' : 'parent' }, ...others];
}

function withUnits(candidate: Candidate): Candidate {
  const { ticket, instrument } = candidate;
  const order = sizedAtLimit(ticket.order, instrument.lot);
  return order === ticket.order ? candidate : { ...candidate, ticket: { ...ticket, order } };
}

/** True for an order that waits for its entry. */
export function isExit(role: OrderRow['groupRole']): boolean {
  return role === 'take_profit' || role === 'stop_loss';
}

/**
 * Decides the orders of a ticket; those of a group count for each other, as each may come to stand.
 * @shape the verdicts in their order, with what each reserves while it is one of the group
 */
export function decideMembers(
  members: readonly [Member, ...Member[]],
  situationOf: (member: Member) => Situation,
  count: Count,
): readonly Verdict[] {
  const [first, ...others] = members;
  const { order: entry } = first.candidate.ticket;
  if (others.length === 0) {
    return [decideOrder(entry, situationOf(first))];
  }
  const asked = members.map((member) => {
    const situation = situationOf(member);
    const { order } = member.candidate.ticket;
    return { member, order, situation: isExit(member.role) ? leaving(entry, situation) : situation };
  });
  const verdicts: Verdict[] = [];
  let reserved = 0n;
  for (const { member, order, situation } of asked) {
    const verdict = decideOrder(order, withoutReserved(situation, reserved));
    verdicts.push(verdict);
    if (verdict.accepted) {
      count(member, verdict.priceCap, 1);
      reserved += isContract(member) ? verdict.reservation : 0n;
    }
  }
  for (const [index, verdict] of verdicts.entries()) {
    if (verdict.accepted) {
      count(present(members[index], 'each verdict is of a member'), verdict.priceCap, -1);
    }
  }
  if (verdicts.every(({ accepted }) => accepted)) {
    return reserveTogether(members, verdicts);
  }
  return asked.map(({ order, situation }, index) => {
    const own = present(verdicts[index], 'each member has its verdict');
    return own.accepted ? decideOrder(order, { ...situation, companionRefused: true }) : own;
  });
}

/** Binds the rows of a ticket's orders to each other. An exit waits for its entry: it has no place in the book yet. */
export function bindRows(members: readonly Member[], rows: readonly OrderRow[]): readonly OrderRow[] {
  const [entry] = rows;
  if (entry === undefined || rows.length === 1) {
    return rows;
  }
  const groupId = newId();
  return rows.map((row, index) => {
    const member = members[index];
    const groupRole = member?.role ?? null;
    if (!isExit(groupRole)) {
      return { ...row, groupId, groupRole };
    }
    const status = row.status === 'rejected' ? row.status : 'held';
    const keyless = { idempotencyKey: null, idempotencyIndex: null };
    // What leaves a position never opens one the other way.
    const reduceOnly = row.reduceOnly || (member !== undefined && isContract(member));
    return { ...row, ...keyless, groupId, groupRole, parentId: entry.id, status, reduceOnly };
  });
}

/** What an exit finds: the price of its entry, which it may be triggered behind, and what that will have opened. */
export function leaving(entry: NewOrder, situation: Situation): Situation {
  const { contract, last } = situation;
  if (last === null) {
    return situation;
  }
  const opened = { against: entry.quantity ?? 0n, resting: 0n, restingReducing: 0n };
  return {
    ...situation,
    entryPrice: entry.limitPrice ?? anchorOf(entry, last),
    contract: contract === null ? null : { ...contract, ...opened },
    funds: null,
  };
}

/** Of a contract each of a pair reserves its own margin, so the second sees what the first has left. */
function isContract({ candidate }: Member): boolean {
  return candidate.instrument.kind === 'contract';
}

function withoutReserved(situation: Situation, reserved: bigint): Situation {
  const { funds } = situation;
  return funds === null || reserved === 0n
    ? situation
    : { ...situation, funds: { ...funds, available: funds.available - reserved } };
}

function reserveTogether(members: readonly Member[], verdicts: readonly Verdict[]): readonly Verdict[] {
  const [first] = members;
  if (first?.role === 'oco' && isContract(first)) {
    return verdicts;
  }
  const needs = verdicts.map((verdict) => (verdict.accepted ? verdict.reservation : ZERO));
  const resting = members.findIndex(({ candidate }) => !waitsForPrice(candidate.ticket.order.type));
  const shares = first?.role === 'oco' ? reservedTogether(needs, resting) : [needs[0] ?? ZERO];
  return verdicts.map((verdict, index) => ({ ...verdict, reservation: amountOf(shares[index] ?? 0n) }));
}
