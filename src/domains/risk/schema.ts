/** Limits of trading. A missing limit means refused (I9); defaults are seeded rows, not code. */
import { sql } from 'drizzle-orm';
import { boolean, check, index, pgEnum, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { amount, instant } from '../../platform/db/columns.ts';
import { internalRows } from '../../platform/db/policies.ts';

export const riskLimitScope = pgEnum('risk_limit_scope', [
  'platform',
  'user',
  'account',
  'instrument',
  'asset',
]);
export const riskLimitType = pgEnum('risk_limit_type', [
  'max_position',
  'max_order_value',
  'max_daily_volume',
  'max_open_orders',
  'max_leverage',
  'max_daily_loss',
]);

export const riskLimits = pgTable(
  'risk_limits',
  {
    id: uuid('id').primaryKey(),
    scope: riskLimitScope('scope').notNull(),
    /** The user, account, instrument id or asset code; empty for the platform. */
    scopeId: text('scope_id').notNull(),
    type: riskLimitType('type').notNull(),
    value: amount('value').notNull(),
    currency: text('currency'),
    active: boolean('active').notNull(),
    effectiveFrom: instant('effective_from').notNull(),
    effectiveUntil: instant('effective_until'),
    setBy: text('set_by').notNull(),
    approvalId: uuid('approval_id'),
    reason: text('reason').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    index('risk_limits_scope_idx').on(table.type, table.scope, table.scopeId).where(sql`${table.active}`),
    check('risk_limits_value_check', sql`${table.value} >= 0`),
    check('risk_limits_scope_check', sql`(${table.scope} = 'platform') = (${table.scopeId} = '')`),
    ...internalRows('risk_limits'),
  ],
);
