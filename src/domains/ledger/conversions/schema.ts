/**
 * Rates and conversions. What the database itself guarantees: a rate is, figure by figure, what two people agreed
 * to; a quote is never rewritten and is executed once at most, before its end.
 */
import { sql } from 'drizzle-orm';
import {
  check,
  foreignKey,
  index,
  integer,
  pgEnum,
  pgTable,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { amount, instant, rate } from '../../../platform/db/columns.ts';
import { internalRows, ownedBy } from '../../../platform/db/policies.ts';
import { accounts } from '../../accounts/schema.ts';
import { assets } from '../schema.ts';

/**
 * Rates of exchange, set by two people; the latest of a pair counts until its end, and an older one never
 * counts again. Append-only.
 */
export const fxRates = pgTable(
  'fx_rates',
  {
    id: uuid('id').primaryKey(),
    base: text('base')
      .notNull()
      .references(() => assets.code),
    quote: text('quote')
      .notNull()
      .references(() => assets.code),
    /** Units of quote for one of base, in the middle. */
    rate: rate('rate').notNull(),
    /** What the house takes off the middle, in both directions. */
    spreadBps: integer('spread_bps').notNull(),
    /** How much of the base the house may be long or short in by conversions of live money at this rate; null: the published bound. */
    positionMax: amount('position_max'),
    /** Where the rate was read; `seed` where nobody approved it. */
    source: text('source').notNull(),
    asOf: instant('as_of').notNull(),
    validUntil: instant('valid_until').notNull(),
    approvalId: uuid('approval_id'),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    index('fx_rates_base_idx').on(table.base, table.quote, table.asOf),
    index('fx_rates_quote_idx').on(table.quote),
    uniqueIndex('fx_rates_approval_id_key').on(table.approvalId),
    check('fx_rates_rate_check', sql`${table.rate} > 0`),
    check('fx_rates_position_check', sql`${table.positionMax} > 0`),
    check('fx_rates_pair_check', sql`${table.base} <> ${table.quote}`),
    check('fx_rates_spread_check', sql`${table.spreadBps} between 0 and 2000`),
    check('fx_rates_valid_check', sql`${table.validUntil} > ${table.asOf}`),
    check('fx_rates_approval_check', sql`(${table.approvalId} is null) = (${table.source} = 'seed')`),
    ...internalRows('fx_rates'),
  ],
);

/** Rates that were stopped before their end: by one person, since it only takes away. Append-only. */
export const fxRateWithdrawals = pgTable(
  'fx_rate_withdrawals',
  {
    rateId: uuid('rate_id')
      .primaryKey()
      .references(() => fxRates.id),
    withdrawnBy: uuid('withdrawn_by').notNull(),
    reason: text('reason').notNull(),
    withdrawnAt: instant('withdrawn_at').notNull(),
  },
  () => internalRows('fx_rate_withdrawals'),
);

export const conversionRounding = pgEnum('conversion_rounding', ['to_amount_down', 'from_amount_up']);

/** Offers to convert at a price for a moment; one that was executed is the conversion and is never deleted. */
export const conversionQuotes = pgTable(
  'conversion_quotes',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    fromAsset: text('from_asset')
      .notNull()
      .references(() => assets.code),
    toAsset: text('to_asset')
      .notNull()
      .references(() => assets.code),
    fromAmount: amount('from_amount').notNull(),
    toAmount: amount('to_amount').notNull(),
    /** Units of `to_asset` for one of `from_asset`, the spread taken; rounded down, the amounts are not made from it. */
    rate: rate('rate').notNull(),
    midRate: rate('mid_rate').notNull(),
    spreadBps: integer('spread_bps').notNull(),
    rateId: uuid('rate_id')
      .notNull()
      .references(() => fxRates.id),
    rateSource: text('rate_source').notNull(),
    rateAt: instant('rate_at').notNull(),
    rateValidUntil: instant('rate_valid_until').notNull(),
    /** Which amount was rounded, and how: always what the house gains by, less than one unit of its scale. */
    rounding: conversionRounding('rounding').notNull(),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    executedAt: instant('executed_at'),
    journalId: uuid('journal_id'),
  },
  (table) => [
    foreignKey({
      name: 'conversion_quotes_account_id_user_id_fkey',
      columns: [table.accountId, table.userId],
      foreignColumns: [accounts.id, accounts.userId],
    }),
    index('conversion_quotes_account_id_idx').on(table.accountId, table.id),
    index('conversion_quotes_user_id_idx').on(table.userId, table.id),
    index('conversion_quotes_from_asset_idx').on(table.fromAsset),
    index('conversion_quotes_to_asset_idx').on(table.toAsset),
    index('conversion_quotes_rate_id_idx').on(table.rateId),
    index('conversion_quotes_untaken_idx').on(table.expiresAt).where(sql`${table.executedAt} is null`),
    uniqueIndex('conversion_quotes_journal_id_key').on(table.journalId),
    check('conversion_quotes_amounts_check', sql`${table.fromAmount} > 0 and ${table.toAmount} > 0`),
    check('conversion_quotes_rate_check', sql`${table.rate} > 0 and ${table.rate} <= ${table.midRate}`),
    check('conversion_quotes_assets_check', sql`${table.fromAsset} <> ${table.toAsset}`),
    check('conversion_quotes_expires_check', sql`${table.expiresAt} <= ${table.rateValidUntil}`),
    check(
      'conversion_quotes_executed_check',
      sql`(${table.executedAt} is null) = (${table.journalId} is null)
        and (${table.executedAt} is null or ${table.executedAt} < ${table.expiresAt})`,
    ),
    ...ownedBy('conversion_quotes', table.userId),
  ],
);
