/**
 * Payouts that a provider carries. Which provider and which payout never change; that the provider was told is
 * committed before it is, so that after any interruption it is asked first.
 */
import { sql } from 'drizzle-orm';
import { check, index, integer, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { withdrawals } from '../schema.ts';

export const payoutSubmissions = pgTable(
  'payout_submissions',
  {
    id: uuid('id').primaryKey(),
    withdrawalId: uuid('withdrawal_id')
      .notNull()
      .references(() => withdrawals.id),
    provider: text('provider').notNull(),
    /** When the provider was told last, or may have been; null while it never was. */
    sentAt: instant('sent_at'),
    /** How often it was told. */
    tries: integer('tries').notNull().default(0),
    /** What it said last of the payout, and on which day last: accepted, paid, rejected, or that it does not know it. */
    said: text('said'),
    saidAt: instant('said_at'),
    /** When it said last that it has it and goes on; by the day, as `saidAt` is. */
    acceptedAt: instant('accepted_at'),
    /** How often in a row it was asked and said nothing; and why the last call, or the last time, led to nothing. */
    failures: integer('failures').notNull().default(0),
    /** How often in a row it was asked and turned the call away, which says nothing of the payout. */
    turnedAway: integer('turned_away').notNull().default(0),
    lastFailure: text('last_failure'),
    /** When it is asked next, by the real clock, while the payout is under way. */
    nextAt: instant('next_at').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    uniqueIndex('payout_submissions_withdrawal_id_key').on(table.withdrawalId),
    index('payout_submissions_next_at_idx').on(table.nextAt),
    check(
      'payout_submissions_said_check',
      sql`${table.said} in ('accepted', 'paid', 'rejected', 'unknown') and (${table.said} is null) = (${table.saidAt} is null)`,
    ),
    check(
      'payout_submissions_tries_check',
      sql`${table.tries} >= 0 and ${table.failures} >= 0 and (${table.tries} = 0 or ${table.sentAt} is not null)`,
    ),
    ...internalRows('payout_submissions'),
  ],
);
