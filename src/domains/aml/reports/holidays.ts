import { and, asc, eq, gte, lte, sql } from 'drizzle-orm';
import { addMs, type Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { endOfWorkingDays, REPORT_WORKING_DAYS, reportDay, yearsToPlan } from './calendar.ts';
import { businessHolidays } from './schema.ts';

/** Farther ahead than five working days ever lie. */
const AHEAD_MS = 60 * 86_400_000;

/** By when a suspicion has to be reported, by the holidays that are observed. @units the first instant too late */
export async function reportDueAt(tx: Tx, from: Instant): Promise<Instant> {
  const days = await tx
    .select({ day: businessHolidays.day })
    .from(businessHolidays)
    .where(
      and(
        eq(businessHolidays.observed, true),
        gte(businessHolidays.day, reportDay(from)),
        lte(businessHolidays.day, reportDay(addMs(from, AHEAD_MS))),
      ),
    );
  return endOfWorkingDays(from, REPORT_WORKING_DAYS, new Set(days.map(({ day }) => day)));
}

/** The holidays from a day on that are observed where the authority sits. @units YYYY-MM-DD */
export async function observedHolidays(tx: Tx, from: string): Promise<readonly string[]> {
  const rows = await tx
    .select({ day: businessHolidays.day })
    .from(businessHolidays)
    .where(and(eq(businessHolidays.observed, true), gte(businessHolidays.day, from)));
  return rows.map(({ day }) => day);
}

/** The holidays of a year, and of which years nobody has entered those that move. */
export async function listHolidays(ctx: Ctx, year: string | undefined) {
  return transact(ctx, 'staff', async (tx) => {
    const rows = await tx
      .select()
      .from(businessHolidays)
      .where(
        year === undefined
          ? undefined
          : and(gte(businessHolidays.day, `${year}-01-01`), lte(businessHolidays.day, `${year}-12-31`)),
      )
      .orderBy(asc(businessHolidays.day))
      .limit(1_000);
    return { data: rows, yearsWithoutMovableDays: await yearsUnplanned(tx, ctx.deps.clock.now()) };
  });
}

/** Years to plan for which people have decided on no day yet: deadlines in them come too early. */
export async function yearsUnplanned(tx: Tx, now: Instant): Promise<readonly number[]> {
  const years = yearsToPlan(now);
  const planned = await tx
    .selectDistinct({ year: sql<number>`extract(year from ${businessHolidays.day})::int` })
    .from(businessHolidays)
    .where(eq(businessHolidays.source, 'staff'));
  return years.filter((year) => !planned.some((row) => row.year === year));
}
