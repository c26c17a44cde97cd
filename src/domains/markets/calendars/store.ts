import { and, asc, eq, gt, gte, type InferSelectModel, inArray, isNull, lte, or } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import { type Ctx, perDeps } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import type { exchange } from '../schema.ts';
import { type Calendar, type MarketState, stateAt } from './calendar.ts';
import { marketCalendars, marketHolidays, tradingSessions } from './schema.ts';

export type Exchange = (typeof exchange.enumValues)[number];
export type MarketCalendar = InferSelectModel<typeof marketCalendars>;
export type MarketHoliday = InferSelectModel<typeof marketHolidays>;

type Kept = { readonly version: number; readonly calendar: Calendar; state: MarketState | null };

/** The calendars this process knows, each good for as long as its version is the stored one. */
const keptCalendars = perDeps((): Map<Exchange, Kept> => new Map());

/** An exchange, and the version of its calendar as the caller just read it. */
export type Wanted = { readonly exchange: Exchange; readonly calendarVersion: number | null };

/**
 * Whether exchanges take orders now; asks the database for what is not known here in the wanted version.
 * @shape by exchange; one without a calendar is missing, and so closed
 */
export async function marketStates(
  tx: Tx,
  ctx: Ctx,
  wanted: Iterable<Wanted>,
): Promise<ReadonlyMap<Exchange, MarketState>> {
  const now = ctx.deps.clock.now();
  const kept = await currentCalendars(tx, ctx, wanted);
  const states = new Map<Exchange, MarketState>();
  for (const [name, known] of kept) {
    if (known.state === null || now < known.state.from || now >= known.state.until) {
      known.state = stateAt(known.calendar, now);
    }
    states.set(name, known.state);
  }
  return states;
}

/** The calendars of exchanges. @shape by exchange; one without a calendar is missing */
export async function calendarsOf(
  tx: Tx,
  ctx: Ctx,
  exchanges: readonly Exchange[],
): Promise<ReadonlyMap<Exchange, Calendar>> {
  const rows = await tx
    .select({ exchange: marketCalendars.exchange, calendarVersion: marketCalendars.version })
    .from(marketCalendars)
    .where(inArray(marketCalendars.exchange, [...exchanges]))
    .orderBy(asc(marketCalendars.exchange));
  const kept = await currentCalendars(tx, ctx, rows);
  return new Map([...kept].map(([name, { calendar }]) => [name, calendar]));
}

/** The calendar of an exchange that has traded, and so has one. */
export async function currentCalendar(tx: Tx, ctx: Ctx, wanted: Wanted): Promise<Calendar> {
  const kept = await currentCalendars(tx, ctx, [wanted]);
  return present(kept.get(wanted.exchange), 'what trades has a calendar').calendar;
}

async function currentCalendars(
  tx: Tx,
  ctx: Ctx,
  wanted: Iterable<Wanted>,
): Promise<ReadonlyMap<Exchange, Kept>> {
  const known = keptCalendars(ctx.deps);
  const current = new Map<Exchange, Kept>();
  const missing = new Set<Exchange>();
  for (const { exchange: name, calendarVersion } of wanted) {
    const kept = known.get(name);
    if (kept !== undefined && kept.version === calendarVersion) {
      current.set(name, kept);
    } else if (calendarVersion !== null) {
      missing.add(name);
    }
  }
  if (missing.size > 0) {
    for (const [name, kept] of await loadCalendars(tx, [...missing])) {
      known.set(name, kept);
      current.set(name, kept);
    }
  }
  return current;
}

/** The version is read first: what changes meanwhile is loaded again by whoever reads the next one. */
async function loadCalendars(tx: Tx, exchanges: readonly Exchange[]): Promise<ReadonlyMap<Exchange, Kept>> {
  const rows = await tx
    .select()
    .from(marketCalendars)
    .where(inArray(marketCalendars.exchange, [...exchanges]));
  const ids = rows.map(({ id }) => id);
  const sessions = await tx.select().from(tradingSessions).where(inArray(tradingSessions.calendarId, ids));
  const holidays = await tx
    .select()
    .from(marketHolidays)
    .where(and(inArray(marketHolidays.calendarId, ids), isNull(marketHolidays.removedAt)));
  return new Map(
    rows.map(({ id, exchange: name, version, timeZone, dayEndsAt, preOpenMinutes, updatedAt }) => [
      name,
      {
        version,
        state: null,
        calendar: {
          timeZone,
          dayEndsAt,
          preOpenMinutes,
          sessions: sessions.filter(({ calendarId }) => calendarId === id),
          closures: holidays.filter(({ calendarId }) => calendarId === id),
          changedAt: updatedAt,
        },
      },
    ]),
  );
}

/** Every calendar with the sessions of its week, by exchange. */
export async function listCalendars(ctx: Ctx) {
  return transact(ctx, ctx.login, async (tx) => {
    const rows = await tx.select().from(marketCalendars).orderBy(asc(marketCalendars.exchange));
    const sessions = await tx
      .select()
      .from(tradingSessions)
      .orderBy(asc(tradingSessions.opensOn), asc(tradingSessions.opensAt), asc(tradingSessions.kind));
    return rows.map((row) => ({
      ...row,
      sessions: sessions.filter(({ calendarId }) => calendarId === row.id),
    }));
  });
}

/** The calendar of an exchange, locked: its version rises with what changes. */
export async function lockCalendar(tx: Tx, name: Exchange): Promise<MarketCalendar> {
  const [found] = await tx
    .select({ id: marketCalendars.id })
    .from(marketCalendars)
    .where(eq(marketCalendars.exchange, name));
  const id = present(found, 'every exchange has a calendar from set-up on').id;
  return present(await lockRow(tx, marketCalendars, id), 'a calendar is never deleted');
}

/** @effects `market_calendars.version`; whoever keeps the calendar in memory reads it again */
export async function raiseVersion(tx: Tx, ctx: Ctx, { id, version }: MarketCalendar): Promise<void> {
  await tx
    .update(marketCalendars)
    .set({ version: version + 1, updatedAt: ctx.deps.clock.now() })
    .where(eq(marketCalendars.id, id));
}

export type HolidayFilter = PageRequest & {
  readonly exchange?: Exchange | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
};

/** Holidays and half days that stand, by day. @errors invalid_cursor */
export async function listHolidays(
  ctx: Ctx,
  { exchange: name, from, to, limit, cursor }: HolidayFilter,
): Promise<Page<MarketHoliday & { readonly exchange: Exchange }>> {
  const listing = `market-holidays ${name ?? ''} ${from ?? ''} ${to ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const [day, id] = cursor === undefined ? [] : readCursor(key, listing, cursor);
    const rows = await tx
      .select({ holiday: marketHolidays, exchange: marketCalendars.exchange })
      .from(marketHolidays)
      .innerJoin(marketCalendars, eq(marketCalendars.id, marketHolidays.calendarId))
      .where(
        and(
          isNull(marketHolidays.removedAt),
          name === undefined ? undefined : eq(marketCalendars.exchange, name),
          from === undefined ? undefined : gte(marketHolidays.day, from),
          to === undefined ? undefined : lte(marketHolidays.day, to),
          day === undefined || id === undefined
            ? undefined
            : or(
                gt(marketHolidays.day, day),
                and(eq(marketHolidays.day, day), gt(marketHolidays.id, id as Id)),
              ),
        ),
      )
      .orderBy(asc(marketHolidays.day), asc(marketHolidays.id))
      .limit(limit + 1);
    const holidays = rows.map((row) => ({ ...row.holiday, exchange: row.exchange }));
    return cutPage(key, listing, holidays, limit, (row) => [row.day, row.id]);
  });
}
