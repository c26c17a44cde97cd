/**
 * Where customers pay to: the bank account that is shown for each currency to the customers of a legal entity, the newest
 * row; without one nobody is shown any. Rows never change, and none is there that two people did not set.
 */
import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../../../platform/db/columns.ts';
import { publishedRows } from '../../../platform/db/policies.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { assets } from '../../ledger/schema.ts';

export const depositAccounts = pgTable(
  'deposit_accounts',
  {
    id: uuid('id').primaryKey(),
    asset: text('asset')
      .notNull()
      .references(() => assets.code),
    /** Whose customers it is shown to; null in rows of before this was kept, when an installation had one. */
    legalEntity: text('legal_entity'),
    holderName: text('holder_name').notNull(),
    iban: text('iban').notNull(),
    bic: text('bic').notNull(),
    bankName: text('bank_name').notNull(),
    approvalId: uuid('approval_id')
      .notNull()
      .references(() => approvals.id),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    index('deposit_accounts_asset_idx').on(table.asset, table.id),
    index('deposit_accounts_approval_id_idx').on(table.approvalId),
    ...publishedRows('deposit_accounts'),
  ],
);
