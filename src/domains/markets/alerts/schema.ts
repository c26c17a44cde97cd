/**
 * What customers want to be told of prices. `condition` is what they asked for and never changes its kind;
 * `armed` says whether the next time it holds is told: after it was told it has to be false once more.
 * The message is the customer's own words and sealed (I10).
 */
import { sql } from 'drizzle-orm';
import { boolean, check, index, integer, jsonb, pgEnum, pgTable, uuid } from 'drizzle-orm/pg-core';
import { amount, ciphertext, instant } from '../../../platform/db/columns.ts';
import { ownedBy } from '../../../platform/db/policies.ts';
import { users } from '../../identity/schema.ts';
import { instruments } from '../schema.ts';

export const priceAlertKind = pgEnum('price_alert_kind', [
  'price_above',
  'price_below',
  'percent_change',
  'technical_indicator',
  'volume_spike',
]);

export const priceAlerts = pgTable(
  'price_alerts',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    instrumentId: uuid('instrument_id')
      .notNull()
      .references(() => instruments.id),
    kind: priceAlertKind('kind').notNull(),
    condition: jsonb('condition').notNull(),
    message: ciphertext('message'),
    repeat: boolean('repeat').notNull(),
    /** How long it stays silent after it was told. */
    cooldownSeconds: integer('cooldown_seconds').notNull(),
    expiresAt: instant('expires_at'),
    active: boolean('active').notNull(),
    armed: boolean('armed').notNull(),
    triggerCount: integer('trigger_count').notNull().default(0),
    triggeredAt: instant('triggered_at'),
    /** What it was told for: a price, a percentage, an indicator, a multiple. */
    triggeredValue: amount('triggered_value'),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    /** Real time, by which the evaluator finds what changed. */
    changedAt: instant('changed_at').notNull(),
  },
  (table) => [
    index('price_alerts_user_id_idx').on(table.userId, table.id),
    index('price_alerts_instrument_id_idx').on(table.instrumentId),
    index('price_alerts_changed_at_idx').on(table.changedAt),
    check('price_alerts_cooldown_check', sql`${table.cooldownSeconds} between 0 and 604800`),
    check('price_alerts_trigger_count_check', sql`${table.triggerCount} >= 0`),
    check('price_alerts_triggered_check', sql`(${table.triggerCount} = 0) = (${table.triggeredAt} is null)`),
    check(
      'price_alerts_condition_check',
      sql`${table.condition} ->> 'kind' is not distinct from ${table.kind}::text`,
    ),
    ...ownedBy('price_alerts', table.userId),
  ],
);
