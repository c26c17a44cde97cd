/** Which of the many that find a window full is said: the one that fills it, and then the first of each hour. Pure. */
import type { Instant } from '../../../kernel/time.ts';
import type { Activity } from '../../../platform/activity.ts';
import { PAST_ROWS } from './past-window.ts';

/**
 * Whether one before it, of the same clock hour, found the window full as well. What came about at once says nothing.
 * @shape `earlier` is what the window holds, the newest first; `alike` those of it that say the same
 */
export function wasSaidThisHour(
  activity: Activity,
  earlier: readonly Activity[],
  alike: readonly Activity[] = earlier,
): boolean {
  const isBefore = ({ occurredAt }: Activity) => occurredAt < activity.occurredAt;
  const last = alike.find(isBefore);
  return (
    last !== undefined &&
    isSameHour(last.occurredAt, activity.occurredAt) &&
    earlier.filter(isBefore).length > PAST_ROWS
  );
}

/** Whether two instants are of one clock hour: their letters are the same down to the hour. */
export function isSameHour(left: Instant, right: Instant): boolean {
  return left.slice(0, 13) === right.slice(0, 13);
}
