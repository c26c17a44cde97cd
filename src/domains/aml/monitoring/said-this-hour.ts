/** Which of the many that find a window full is said: the one that fills it, and then the first of each hour. Pure. */
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
    last !== undefined && hourOf(last) === hourOf(activity) && earlier.filter(isBefore).length > PAST_ROWS
  );
}

/** @shape the instant's letters down to the hour */
function hourOf({ occurredAt }: Activity): string {
  return occurredAt.slice(0, 13);
}
