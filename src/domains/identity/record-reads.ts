import { sql } from 'drizzle-orm';
import { isStaff, personOf } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { raiseAlarm } from '../../platform/alarms/raise-alarm.ts';
import { type Change, recordMany } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { IDENTITY_EVENTS } from './audit.ts';

const WINDOW_MINUTES = 60;

/**
 * Records that staff saw people, one row per person, and watches how many one of the staff sees. The
 * audit rows themselves are what is counted, so neither small pages nor many nodes hide anything.
 * @effects rows of `audit_logs`; perhaps the alarm `access.bulk_read`, once per hour and staff member
 */
export async function recordReads(tx: Tx, ctx: Ctx, reads: readonly Change[]): Promise<void> {
  const staffId = isStaff(ctx.actor) ? personOf(ctx.actor) : null;
  if (staffId === null) {
    await recordMany(tx, ctx, reads);
    return;
  }
  // One after another: of two reads at once neither would see the rows of the other.
  await lockExclusive(tx, [`reads:${staffId}`]);
  await recordMany(tx, ctx, reads);
  const people = await peopleSeen(tx, ctx, staffId);
  const threshold = ctx.deps.bulkReadThreshold;
  if (people >= threshold) {
    await raiseAlarm(tx, ctx, {
      event: IDENTITY_EVENTS['access.bulk_read'],
      resource: { type: 'user', id: staffId },
      subjectUserId: staffId,
      after: { people, threshold, windowMinutes: WINDOW_MINUTES },
    });
  }
}

/** How many people one of the staff saw within the window; 0 where that has raised its alarm already. */
async function peopleSeen(tx: Tx, ctx: Ctx, staffId: Id): Promise<number> {
  const since = addMs(ctx.deps.clock.realNow(), -WINDOW_MINUTES * 60_000);
  const alarm = IDENTITY_EVENTS['access.bulk_read'].type;
  const [row] = await tx.execute<{ people: number }>(sql`
    select case
      when exists (select 1 from audit_logs
        where event_type = ${alarm} and recorded_at > ${since}::timestamptz and actor_user_id = ${staffId})
      then 0
      else (select count(distinct subject_user_id)::int from audit_logs
        where actor_user_id = ${staffId} and recorded_at > ${since}::timestamptz
          and event_type = any(${sql.param([...ctx.deps.privacy.personReads])}::text[]))
      end as people`);
  return row?.people ?? 0;
}
