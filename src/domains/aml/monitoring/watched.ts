/** An activity that is kept, and how far back rules look from it. Pure. */
import type { Id } from '../../../kernel/id.ts';
import type { Activity } from '../../../platform/activity.ts';
import { DAY_MS } from './sizes.ts';

export type Watched = Activity & { readonly id: Id };

/** How far back rules look. @units ms */
export const PAST_MS = 400 * DAY_MS;

/** Whether an activity is of a market. */
export function isMarket({ kind }: Pick<Activity, 'kind'>): boolean {
  return kind === 'order_placed' || kind === 'order_closed' || kind === 'fill';
}

/** Whether one came about before another; of what bears one instant, what was told before it. */
export function isBefore(one: Watched, other: Watched): boolean {
  return one.occurredAt < other.occurredAt || (one.occurredAt === other.occurredAt && one.id < other.id);
}

/** The order in which activities came about. */
export function inOrder(left: Watched, right: Watched): number {
  return left.id === right.id ? 0 : isBefore(left, right) ? -1 : 1;
}
