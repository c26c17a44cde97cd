/**
 * Instruments a customer keeps an eye on, in an order of their own. The name is their own words and sealed
 * (I10); that it is unique among theirs is held under a lock, since no index can read it.
 */
import { sql } from 'drizzle-orm';
import { check, index, integer, pgTable, uuid } from 'drizzle-orm/pg-core';
import { ciphertext, instant } from '../../../platform/db/columns.ts';
import { ownedBy } from '../../../platform/db/policies.ts';
import { users } from '../../identity/schema.ts';

export const watchlists = pgTable(
  'watchlists',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    name: ciphertext('name').notNull(),
    /** In the customer's order; an instrument is delisted, but never gone. */
    instrumentIds: uuid('instrument_ids').array().notNull(),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    updatedAt: instant('updated_at').notNull(),
  },
  (table) => [
    index('watchlists_user_id_idx').on(table.userId, table.id),
    check('watchlists_instrument_ids_check', sql`cardinality(${table.instrumentIds}) <= 200`),
    ...ownedBy('watchlists', table.userId),
  ],
);
