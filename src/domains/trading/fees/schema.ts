/**
 * What trading costs those who trade much: versions of a schedule of tiers, which two people agree to and nobody
 * rewrites (by trigger); what each person turned over on each day of the firm; and the tier they were found to be
 * on, once for each day they traded. What no tier says is the instrument's own fee.
 */
import { sql } from 'drizzle-orm';
import {
  check,
  date,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { amount, instant } from '../../../platform/db/columns.ts';
import { ownedBy, publishedRows } from '../../../platform/db/policies.ts';

/** One version of all tiers, in force from the beginning of a day of the firm. Append-only. */
export const feeTierSchedules = pgTable(
  'fee_tier_schedules',
  {
    id: uuid('id').primaryKey(),
    /** What volume is counted in; all versions have the same. */
    currency: text('currency').notNull(),
    /** @units YYYY-MM-DD */
    effectiveOn: date('effective_on').notNull(),
    approvalId: uuid('approval_id').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    uniqueIndex('fee_tier_schedules_approval_id_key').on(table.approvalId),
    ...publishedRows('fee_tier_schedules'),
  ],
);

/** What whoever turned over this much pays at most. Append-only. */
export const feeTiers = pgTable(
  'fee_tiers',
  {
    id: uuid('id').primaryKey(),
    scheduleId: uuid('schedule_id')
      .notNull()
      .references(() => feeTierSchedules.id),
    name: text('name').notNull(),
    /** Within the 30 days before. @units the schedule's currency */
    minVolume: amount('min_volume').notNull(),
    makerFeeBps: integer('maker_fee_bps').notNull(),
    takerFeeBps: integer('taker_fee_bps').notNull(),
  },
  (table) => [
    uniqueIndex('fee_tiers_name_key').on(table.scheduleId, table.name),
    uniqueIndex('fee_tiers_min_volume_key').on(table.scheduleId, table.minVolume),
    check('fee_tiers_min_volume_check', sql`${table.minVolume} > 0`),
    check(
      'fee_tiers_fees_check',
      sql`${table.makerFeeBps} between 0 and 1000 and ${table.takerFeeBps} between 0 and 1000`,
    ),
    ...publishedRows('fee_tiers'),
  ],
);

/** What a person turned over in live books on a day of the firm. @units the schedules' currency */
export const tradingVolumes = pgTable(
  'trading_volumes',
  {
    userId: uuid('user_id').notNull(),
    day: date('day').notNull(),
    volume: amount('volume').notNull(),
  },
  (table) => [
    primaryKey({ name: 'trading_volumes_pkey', columns: [table.userId, table.day] }),
    check('trading_volumes_volume_check', sql`${table.volume} >= 0`),
    ...ownedBy('trading_volumes', table.userId),
  ],
);

/** The tier of a person on a day, found when they first traded on it. Append-only. */
export const feeStandings = pgTable(
  'fee_standings',
  {
    userId: uuid('user_id').notNull(),
    day: date('day').notNull(),
    scheduleId: uuid('schedule_id')
      .notNull()
      .references(() => feeTierSchedules.id),
    /** Unset where the volume reaches none. */
    tierId: uuid('tier_id').references(() => feeTiers.id),
    /** Of the 30 days before. */
    volume: amount('volume').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'fee_standings_pkey', columns: [table.userId, table.day] }),
    index('fee_standings_schedule_id_idx').on(table.scheduleId),
    index('fee_standings_tier_id_idx').on(table.tierId),
    ...ownedBy('fee_standings', table.userId),
  ],
);
