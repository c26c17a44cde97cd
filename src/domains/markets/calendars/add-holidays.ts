import { and, eq, inArray } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { MARKETS_EVENTS } from '../audit.ts';
import { refuseMarkets } from '../errors.ts';
import { type NamedClosure, nyseHolidays } from './nyse-holidays.ts';
import { closesEarly } from './rules.ts';
import { marketHolidays } from './schema.ts';
import {
  type Exchange,
  lockCalendar,
  type MarketCalendar,
  type MarketHoliday,
  raiseVersion,
} from './store.ts';

export type NewHolidays = {
  readonly exchange: Exchange;
  readonly holidays: readonly NamedClosure[];
};

/**
 * Enters days on which an exchange is closed or closes early, at once: it only takes trading away. Of several for
 * one day the earliest end counts; those it keeps already are passed over.
 * @effects rows of `market_holidays`, `market_calendars.version`; audit `market_holiday.added`
 * @errors half_day_too_late, holiday_exists where it keeps all of them
 */
export async function addHolidays(
  ctx: Ctx,
  { exchange, holidays }: NewHolidays,
): Promise<readonly (MarketHoliday & { readonly exchange: Exchange })[]> {
  return transact(ctx, 'engine', async (tx) => {
    const calendar = await lockCalendar(tx, exchange);
    if (!holidays.every(({ closesAt }) => closesEarly(calendar.dayEndsAt, closesAt))) {
      throw refuseMarkets('half_day_too_late');
    }
    const added = await insert(tx, ctx, calendar, holidays, 'staff');
    if (added.length === 0) {
      throw refuseMarkets('holiday_exists');
    }
    return added.map((holiday) => ({ ...holiday, exchange }));
  });
}

/** The exchanges whose holidays follow from rules that are known here. */
const BY_RULE = ['NYSE', 'NASDAQ'] as const;

/**
 * Enters the holidays of this year and the next where they follow from published rules. What two people took away
 * stays away. Safe to run twice.
 * @effects rows of `market_holidays`, `market_calendars.version`; audit `market_holiday.added`
 */
export async function keepRuleHolidays(ctx: Ctx): Promise<void> {
  const year = Number.parseInt(ctx.deps.clock.now().slice(0, 4), 10);
  const due = [...nyseHolidays(year), ...nyseHolidays(year + 1)];
  for (const exchange of BY_RULE) {
    await transact(ctx, 'engine', async (tx) => {
      const calendar = await lockCalendar(tx, exchange);
      const known = await tx
        .select({ day: marketHolidays.day, closesAt: marketHolidays.closesAt })
        .from(marketHolidays)
        .where(
          and(
            eq(marketHolidays.calendarId, calendar.id),
            inArray(
              marketHolidays.day,
              due.map(({ day }) => day),
            ),
          ),
        );
      const keys = new Set(known.map(({ day, closesAt }) => `${day} ${closesAt}`));
      const missing = due.filter(({ day, closesAt }) => !keys.has(`${day} ${closesAt}`));
      await insert(tx, ctx, calendar, missing, 'rule');
    });
  }
}

async function insert(
  tx: Tx,
  ctx: Ctx,
  calendar: MarketCalendar,
  holidays: readonly NamedClosure[],
  source: 'rule' | 'staff',
): Promise<readonly MarketHoliday[]> {
  if (holidays.length === 0) {
    return [];
  }
  const createdAt = ctx.deps.clock.now();
  const added = await tx
    .insert(marketHolidays)
    .values(
      holidays.map(({ day, name, closesAt }) => ({
        id: newId(),
        calendarId: calendar.id,
        day,
        name,
        closesAt,
        source,
        createdAt,
      })),
    )
    .onConflictDoNothing()
    .returning();
  if (added.length > 0) {
    await raiseVersion(tx, ctx, calendar);
    await recordMany(
      tx,
      ctx,
      added.map((holiday) => ({
        event: MARKETS_EVENTS['market_holiday.added'],
        resource: { type: 'market_holiday', id: holiday.id },
        subjectUserId: null,
        after: { ...holiday, exchange: calendar.exchange },
      })),
    );
  }
  return added;
}
