/**
 * Trading accounts. `(id, user_id)` is unique so that other tables can prove ownership with a
 * composite foreign key instead of trusting an id from outside.
 */
import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  index,
  integer,
  pgEnum,
  pgTable,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { instant, ratio } from '../../platform/db/columns.ts';
import { ownedBy } from '../../platform/db/policies.ts';
import { users } from '../identity/schema.ts';

export const accountType = pgEnum('account_type', ['live', 'paper']);
export const accountStatus = pgEnum('account_status', ['active', 'frozen', 'suspended', 'closed']);
/** Which lots go first when units leave; `specific` is said of one sale, never of an account. */
export const lotMethod = pgEnum('lot_method', ['fifo', 'lifo', 'hifo', 'average', 'specific']);

export const accounts = pgTable(
  'accounts',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    type: accountType('type').notNull(),
    name: text('name').notNull(),
    baseCurrency: text('base_currency').notNull(),
    status: accountStatus('status').notNull(),
    isDefault: boolean('is_default').notNull().default(false),
    marginEnabled: boolean('margin_enabled').notNull().default(false),
    maxLeverage: ratio('max_leverage').notNull().default('1'),
    marginCallThreshold: ratio('margin_call_threshold').notNull().default('0.8'),
    liquidationThreshold: ratio('liquidation_threshold').notNull().default('0.5'),
    autoLiquidation: boolean('auto_liquidation').notNull().default(true),
    /** The approval behind the margin terms it has; null while they are those it began with, or tighter. */
    marginApprovalId: uuid('margin_approval_id'),
    lotMethod: lotMethod('lot_method')
      .$type<Exclude<(typeof lotMethod.enumValues)[number], 'specific'>>()
      .notNull()
      .default('fifo'),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    updatedAt: instant('updated_at').notNull(),
    closedAt: instant('closed_at'),
  },
  (table) => [
    unique('accounts_id_user_id_key').on(table.id, table.userId),
    index('accounts_user_id_idx').on(table.userId, table.id),
    uniqueIndex('accounts_default_key').on(table.userId, table.type).where(sql`${table.isDefault}`),
    check('accounts_max_leverage_check', sql`${table.maxLeverage} >= 1`),
    check(
      'accounts_margin_thresholds_check',
      sql`${table.liquidationThreshold} > 0 and ${table.liquidationThreshold} < 1
        and ${table.marginCallThreshold} > ${table.liquidationThreshold} and ${table.marginCallThreshold} <= 2`,
    ),
    check('accounts_lot_method_check', sql`${table.lotMethod} <> 'specific'`),
    ...ownedBy('accounts', table.userId),
  ],
);
