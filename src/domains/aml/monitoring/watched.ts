/** An activity that is kept, and what comes before what. Pure. */
import type { Id } from '../../../kernel/id.ts';
import type { Activity } from '../../../platform/activity.ts';

export type Watched = Activity & { readonly id: Id };

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
