import { eq } from 'drizzle-orm';
import { addMs } from '../../../kernel/time.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { AML_EVENTS } from '../audit.ts';
import { activityCursors } from './schema.ts';

/**
 * How long a source may not have been read to its end before somebody is told. A run or two that fail, or that a
 * restart cuts short, are made up for by the next; what lasts longer does not mend itself, and people go on doing what
 * nobody looks at.
 */
const BEHIND_MS = 5 * 60_000;

/**
 * Says once that a source is behind, for whatever reason: more comes about than is read, or reading fails; and once
 * that it has caught up.
 * @effects `activity_cursors`; perhaps the alarm `monitoring.source_behind`, or audit `monitoring.source_caught_up`
 */
export async function tellWhetherBehind(ctx: Ctx, source: string, isCaughtUp: boolean): Promise<null> {
  return transact(ctx, 'engine', async (tx) => {
    const at = ctx.deps.clock.realNow();
    const ofSource = eq(activityCursors.source, source);
    await lockExclusive(tx, [`activity:${source}`]);
    const [cursor] = await tx.select().from(activityCursors).where(ofSource);
    if (cursor === undefined) {
      return null;
    }
    const { caughtUpAt, behindToldAt } = cursor;
    const about = { resource: { type: 'activity_source', id: source }, subjectUserId: null };
    if (isCaughtUp) {
      await tx.update(activityCursors).set({ caughtUpAt: at, behindToldAt: null }).where(ofSource);
      if (behindToldAt !== null) {
        const event = AML_EVENTS['monitoring.source_caught_up'];
        await record(tx, ctx, { ...about, event, after: { source, behindSince: caughtUpAt } });
      }
    } else if (behindToldAt === null && caughtUpAt < addMs(at, -BEHIND_MS)) {
      await tx.update(activityCursors).set({ behindToldAt: at }).where(ofSource);
      const event = AML_EVENTS['monitoring.source_behind'];
      await raiseAlarm(tx, ctx, { ...about, event, after: { source, behindSince: caughtUpAt } });
    }
    return null;
  });
}
