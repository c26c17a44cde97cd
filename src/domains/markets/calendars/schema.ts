/**
 * When each exchange trades: the hours of its week in its own time zone, and the days it is closed or closes
 * early. What closes a market is added by one person; what opens one needs two, by trigger in
 * migrations/0016_markets_trading_guards.sql. Every change raises the calendar's version, by which whoever
 * keeps it in memory learns of it.
 */
import { sql } from 'drizzle-orm';
import {
  check,
  date,
  index,
  integer,
  pgEnum,
  pgTable,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { instant } from '../../../platform/db/columns.ts';
import { publishedRows } from '../../../platform/db/policies.ts';
import { exchange } from '../schema.ts';

export const sessionKind = pgEnum('session_kind', ['pre', 'regular', 'post']);

export const marketCalendars = pgTable(
  'market_calendars',
  {
    id: uuid('id').primaryKey(),
    exchange: exchange('exchange').notNull(),
    /** @units IANA name */
    timeZone: text('time_zone').notNull(),
    /** When a trading day ends; midnight is the end of the day, not its beginning. @units local HH:MM */
    dayEndsAt: text('day_ends_at').notNull(),
    /** How long before each opening limit orders are collected for its auction; none where it is 0. */
    preOpenMinutes: smallint('pre_open_minutes').notNull().default(0),
    /** Where the hours were found, or that they are assumed. */
    source: text('source').notNull(),
    version: integer('version').notNull().default(1),
    changeApprovalId: uuid('change_approval_id'),
    updatedAt: instant('updated_at').notNull(),
  },
  (table) => [
    uniqueIndex('market_calendars_exchange_key').on(table.exchange),
    check('market_calendars_day_ends_at_check', sql`${table.dayEndsAt} ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'`),
    check('market_calendars_pre_open_minutes_check', sql`${table.preOpenMinutes} between 0 and 720`),
    ...publishedRows('market_calendars'),
  ],
);

/** One session of every week; it ends at the next time its end comes up, a whole week later at most. */
export const tradingSessions = pgTable(
  'trading_sessions',
  {
    id: uuid('id').primaryKey(),
    calendarId: uuid('calendar_id')
      .notNull()
      .references(() => marketCalendars.id),
    kind: sessionKind('kind').notNull(),
    /** @units 1 is Monday, 7 Sunday */
    opensOn: smallint('opens_on').notNull(),
    /** @units local HH:MM */
    opensAt: text('opens_at').notNull(),
    closesOn: smallint('closes_on').notNull(),
    closesAt: text('closes_at').notNull(),
    approvalId: uuid('approval_id'),
  },
  (table) => [
    index('trading_sessions_calendar_id_idx').on(table.calendarId),
    check(
      'trading_sessions_days_check',
      sql`${table.opensOn} between 1 and 7 and ${table.closesOn} between 1 and 7`,
    ),
    check(
      'trading_sessions_times_check',
      sql`${table.opensAt} ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' and ${table.closesAt} ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'`,
    ),
    ...publishedRows('trading_sessions'),
  ],
);

/** A trading day that is closed, or closes early; where several rows stand for a day, the earliest end counts. */
export const marketHolidays = pgTable(
  'market_holidays',
  {
    id: uuid('id').primaryKey(),
    calendarId: uuid('calendar_id')
      .notNull()
      .references(() => marketCalendars.id),
    /** @units YYYY-MM-DD, a trading day of the exchange */
    day: date('day').notNull(),
    name: text('name').notNull(),
    /** When a half day ends; unset where the whole day is closed. @units local HH:MM */
    closesAt: text('closes_at'),
    /** `release` came with the program, `rule` follows from published rules, `staff` was entered. */
    source: text('source').$type<'release' | 'rule' | 'staff'>().notNull(),
    createdAt: instant('created_at').notNull(),
    removedAt: instant('removed_at'),
    removeApprovalId: uuid('remove_approval_id'),
  },
  (table) => [
    uniqueIndex('market_holidays_day_key')
      .on(table.calendarId, table.day, sql`coalesce(${table.closesAt}, '')`)
      .where(sql`${table.removedAt} is null`),
    index('market_holidays_calendar_id_idx').on(table.calendarId, table.day),
    check('market_holidays_closes_at_check', sql`${table.closesAt} ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'`),
    check('market_holidays_source_check', sql`${table.source} in ('release', 'rule', 'staff')`),
    check(
      'market_holidays_removed_check',
      sql`(${table.removedAt} is null) = (${table.removeApprovalId} is null)`,
    ),
    ...publishedRows('market_holidays'),
  ],
);
