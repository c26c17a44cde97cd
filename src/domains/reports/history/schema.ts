/**
 * What accounts were worth at the end of each day of the firm, append-only. The database itself holds that a day's
 * change is the sum of its parts to the last decimal, and that a day without a price is a gap and not a number.
 * A row keeps the prices and the quantities it was made of, so that reconcile can make it again.
 */
import { sql } from 'drizzle-orm';
import {
  check,
  date,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { amount, instant } from '../../../platform/db/columns.ts';
import { ownedBy, publishedRows } from '../../../platform/db/policies.ts';
import { accounts } from '../../accounts/schema.ts';
import type { StoredBasis } from './rules.ts';

/** Every value is in the account's base currency; one that could not be said for want of a price is null. */
export const portfolioSnapshots = pgTable(
  'portfolio_snapshots',
  {
    accountId: uuid('account_id').notNull(),
    userId: uuid('user_id').notNull(),
    day: date('day').notNull(),
    currency: text('currency').notNull(),
    /** The equity of the day before; null where it is not known. */
    opening: amount('opening'),
    equity: amount('equity'),
    cashValue: amount('cash_value'),
    holdingsValue: amount('holdings_value'),
    contractsValue: amount('contracts_value'),
    /** Profit of what was sold and closed, income included, commissions of trades not. */
    realised: amount('realised'),
    income: amount('income'),
    unrealised: amount('unrealised'),
    fees: amount('fees'),
    transfers: amount('transfers'),
    /** What had no price: assets, and instruments of contracts. */
    missing: jsonb('missing').$type<readonly string[]>().notNull(),
    basis: jsonb('basis').$type<StoredBasis>().notNull(),
    takenAt: instant('taken_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'portfolio_snapshots_pkey', columns: [table.accountId, table.day] }),
    index('portfolio_snapshots_day_idx').on(table.day, table.accountId),
    index('portfolio_snapshots_user_id_idx').on(table.userId, table.accountId, table.day),
    foreignKey({
      name: 'portfolio_snapshots_account_id_user_id_fkey',
      columns: [table.accountId, table.userId],
      foreignColumns: [accounts.id, accounts.userId],
    }),
    check(
      'portfolio_snapshots_change_check',
      sql`${table.equity} - ${table.opening} = ${table.realised} + ${table.unrealised} + ${table.fees} + ${table.transfers}`,
    ),
    check(
      'portfolio_snapshots_known_check',
      sql`${table.unrealised} is null or num_nulls(${table.equity}, ${table.opening}, ${table.realised}, ${table.fees}, ${table.transfers}) = 0`,
    ),
    check(
      'portfolio_snapshots_parts_check',
      sql`num_nulls(${table.equity}, ${table.cashValue}, ${table.holdingsValue}, ${table.contractsValue}) in (0, 4)
        and coalesce(${table.equity} = ${table.cashValue} + ${table.holdingsValue} + ${table.contractsValue}, true)`,
    ),
    check(
      'portfolio_snapshots_missing_check',
      sql`(num_nulls(${table.equity}, ${table.realised}, ${table.income}, ${table.fees}, ${table.transfers}) > 0)
        = (${table.missing} <> '[]'::jsonb)`,
    ),
    ...ownedBy('portfolio_snapshots', table.userId),
  ],
);

/** Days of the firm that every account has been looked at for; an account without a row then had nothing. */
export const portfolioDays = pgTable(
  'portfolio_days',
  {
    day: date('day').primaryKey(),
    /** @units inclusive; the end of the day before */
    beginsAt: instant('begins_at').notNull(),
    /** @units exclusive */
    endsAt: instant('ends_at').notNull(),
    /** Commissions of trades from then on are fees; null while they were part of what is realised. */
    commissionsSince: instant('commissions_since'),
    snapshots: integer('snapshots').notNull(),
    gaps: integer('gaps').notNull(),
    completedAt: instant('completed_at').notNull(),
  },
  () => publishedRows('portfolio_days'),
);
