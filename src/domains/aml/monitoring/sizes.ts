/**
 * How large money is: in basis points of what counts as a large amount of its asset, so that many small amounts in
 * several assets add up. An asset nobody gave an amount for counts as one whole large amount each time: what
 * cannot be told is not small. Pure.
 */
import { parseAmount } from '../../../kernel/amount.ts';
import { addMs, type Instant, msOfInstant } from '../../../kernel/time.ts';
import type { Activity } from '../../../platform/activity.ts';
import type { Reference } from './rule.ts';

export const FULL_BPS = 10_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

type Sized = Pick<Activity, 'asset' | 'amount' | 'price' | 'quantity'>;

const SCALE = 100_000_000n;
const MOST = 1_000_000_000n;

/** @units basis points of the asset's reference amount, rounded down */
export function sizeBps(activity: Sized, reference: Reference): number {
  const text = activity.asset === null ? undefined : reference.amounts[activity.asset];
  const moved = movedBy(activity);
  if (text === undefined || moved === null) {
    return FULL_BPS;
  }
  return countOf((moved * BigInt(FULL_BPS)) / parseAmount(text));
}

/** @units basis points, of all of them together */
export function totalBps(activities: readonly Activity[], reference: Reference): number {
  return activities.reduce((total, activity) => total + sizeBps(activity, reference), 0);
}

/** Those of a kind in the time before an instant, the instant itself included. @units ms */
export function within(
  activities: readonly Activity[],
  until: Instant,
  ms: number,
  kinds: readonly Activity['kind'][],
): readonly Activity[] {
  // Instants are texts of one form, so that their order is that of their letters.
  const since = addMs(until, -ms);
  return activities.filter(
    ({ kind, occurredAt }) => kinds.includes(kind) && occurredAt <= until && occurredAt >= since,
  );
}

/** Whether a request to pay out ended so. */
export function endedAs(activity: Activity, end: 'completed' | 'cancelled' | 'rejected'): boolean {
  return activity.kind === 'withdrawal_ended' && activity.data.end === end;
}

/** Whether money or units really moved: not by a request, nor by an order. */
export function hasMoved(activity: Activity): boolean {
  return activity.kind === 'deposit' || activity.kind === 'fill' || endedAs(activity, 'completed');
}

/** The time between two instants. @units ms, never negative */
export function msBetween(left: Instant, right: Instant): number {
  return Math.abs(msOfInstant(left) - msOfInstant(right));
}

/** A whole number out of a ratio of amounts; what is beyond a thousand million is that. */
export function countOf(value: bigint): number {
  return Number.parseInt((value > MOST ? MOST : value).toString(), 10);
}

function movedBy({ amount, price, quantity }: Sized): bigint | null {
  if (amount !== null) {
    return amount;
  }
  return price === null || quantity === null ? null : (price * quantity) / SCALE;
}
