import { and, isNotNull, ne } from 'drizzle-orm';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { MARKETS_EVENTS } from '../audit.ts';
import { instruments } from '../schema.ts';
import { nextClose } from './calendar.ts';
import { calendarsOf } from './store.ts';

/** From this month on the next year's have to be there: value dates reach into it. */
const NEXT_YEAR_FROM_MONTH = 11;

/**
 * Calls somebody, each day until it is mended, for every exchange whose instruments are listed, that closes at times
 * and of which nobody entered a holiday of this year, or of the next once that is near: it would take orders and count
 * business days on days on which it is closed.
 * @effects alarm `market_holidays.missing` for each exchange and year
 */
export async function watchHolidays(ctx: Ctx): Promise<void> {
  const now = ctx.deps.clock.now();
  const year = Number.parseInt(now.slice(0, 4), 10);
  const years = Number.parseInt(now.slice(5, 7), 10) < NEXT_YEAR_FROM_MONTH ? [year] : [year, year + 1];
  await transact(ctx, 'engine', async (tx) => {
    const traded = await tx
      .selectDistinct({ exchange: instruments.exchange })
      .from(instruments)
      .where(and(isNotNull(instruments.listedAt), ne(instruments.status, 'delisted')))
      .orderBy(instruments.exchange);
    const calendars = await calendarsOf(
      tx,
      ctx,
      traded.map(({ exchange }) => exchange),
    );
    for (const [exchange, calendar] of calendars) {
      const closes = nextClose({ ...calendar, closures: [] }, now) !== null;
      for (const missing of years.filter((wanted) => !hasHolidayIn(calendar.closures, wanted))) {
        if (closes) {
          await raiseAlarm(tx, ctx, {
            event: MARKETS_EVENTS['market_holidays.missing'],
            resource: { type: 'exchange', id: exchange },
            subjectUserId: null,
            after: { exchange, year: missing },
          });
        }
      }
    }
  });
}

function hasHolidayIn(closures: readonly { readonly day: string }[], year: number): boolean {
  return closures.some(({ day }) => day.startsWith(`${year}-`));
}
