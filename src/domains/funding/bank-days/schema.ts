/**
 * The days on which banks do not settle a currency. Append-only: of a currency and day the newest row counts, and each
 * was agreed to by two people, so that nobody has money settle sooner by himself. Saturdays and Sundays need no row.
 */
import { sql } from 'drizzle-orm';
import { boolean, check, index, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { assets } from '../../ledger/schema.ts';

export const bankHolidays = pgTable(
  'bank_holidays',
  {
    id: uuid('id').primaryKey(),
    currency: text('currency')
      .notNull()
      .references(() => assets.code),
    /** @units YYYY-MM-DD */
    day: text('day').notNull(),
    name: text('name').notNull(),
    /** False where a day that was entered is one on which banks settle after all. */
    observed: boolean('observed').notNull(),
    approvalId: uuid('approval_id')
      .notNull()
      .references(() => approvals.id),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    index('bank_holidays_day_idx').on(table.currency, table.day, table.id),
    // What was agreed to once is set once.
    uniqueIndex('bank_holidays_approval_id_key').on(table.approvalId),
    check('bank_holidays_day_check', sql`${table.day} ~ '^\\d{4}-\\d{2}-\\d{2}$'`),
    ...internalRows('bank_holidays'),
  ],
);
