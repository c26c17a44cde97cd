/**
 * What one clearing wallet is made of, from values alone: each deposit a provider cleared and has not paid over, and
 * what venues and the counterparty of contracts owe, each with its age. What is settled takes the oldest first. A claim
 * that only a hand made is none: it is what no item explains.
 */
import { type Amount, amountOf } from '../../../kernel/amount.ts';
import { daysBetween } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';

/** What is still to come of a deposit; below zero where the provider took back what it had paid over. */
export type OpenDeposit = { readonly depositId: Id; readonly day: string; readonly amount: Amount };

/** All else that moved the wallet on one day; no amount is below zero. */
export type Flow = {
  readonly day: string;
  /** What others came to owe, by an event of its own domain or a line of a statement. */
  readonly claimed: Amount;
  /** What came in, or what we came to owe. */
  readonly settled: Amount;
  /** What a hand made others owe. */
  readonly byHand: Amount;
};

/** Above zero it is owed to clients' money, below zero by it. */
type TransitItem = {
  readonly object: string;
  readonly amount: Amount;
  readonly since: string;
  readonly ageDays: number;
};

type TransitFacts = {
  readonly day: string;
  readonly maxDays: number;
  /** The negative of the wallet. */
  readonly total: Amount;
  readonly deposits: readonly OpenDeposit[];
  /** In the order of their days. */
  readonly flows: readonly Flow[];
};

export type Transit = {
  readonly items: readonly TransitItem[];
  readonly overdue: readonly TransitItem[];
  /** What no item explains. */
  readonly unexplained: Amount;
};

type Part = { readonly object: string; readonly since: string; left: bigint };

/** Itemises a wallet. */
export function itemise({ day, maxDays, total, deposits, flows }: TransitFacts): Transit {
  const claims: Part[] = [];
  const debts: Part[] = [];
  for (const flow of flows) {
    const part = (left: bigint): Part => ({ object: `booked on ${flow.day}`, since: flow.day, left });
    claims.push(part(use(debts, flow.claimed)));
    debts.push(part(use(claims, flow.settled)));
    // What a hand took beyond what we owed is no claim on anybody.
    use(debts, flow.byHand);
  }
  const expected = sortedParts(deposits.filter(({ amount }) => amount > 0n));
  const takenBack = sortedParts(deposits.filter(({ amount }) => amount < 0n));
  settle(debts, expected);
  settle(takenBack, claims);
  const items = [
    ...[...expected, ...claims].map((part) => itemOf(part, part.left, day)),
    ...[...takenBack, ...debts].map((part) => itemOf(part, -part.left, day)),
  ].filter(({ amount }) => amount !== 0n);
  const itemised = items.reduce((sum, { amount }) => sum + amount, 0n);
  return {
    items,
    overdue: items.filter(({ amount, ageDays }) => amount > 0n && ageDays > maxDays),
    unexplained: amountOf(total - itemised),
  };
}

function sortedParts(deposits: readonly OpenDeposit[]): Part[] {
  return deposits
    .map(({ depositId, day, amount }) => ({
      object: `deposit ${depositId}`,
      since: day,
      left: amount < 0n ? -amount : amount,
    }))
    .sort((left, right) => (`${left.since} ${left.object}` < `${right.since} ${right.object}` ? -1 : 1));
}

/** Takes an amount from the oldest on, and says what of it is left. */
function use(parts: readonly Part[], amount: bigint): bigint {
  let left = amount;
  for (const part of parts) {
    const taken = part.left < left ? part.left : left;
    part.left -= taken;
    left -= taken;
  }
  return left;
}

/** Sets the ones against the others, from the oldest on. */
function settle(from: readonly Part[], against: readonly Part[]): void {
  for (const part of from) {
    part.left = use(against, part.left);
  }
}

function itemOf({ object, since }: Part, amount: bigint, day: string): TransitItem {
  return { object, amount: amountOf(amount), since, ageDays: Math.max(0, daysBetween(since, day)) };
}
