/**
 * Limits of trading, what accounts have at risk, circuit breakers and alerts. A missing limit means
 * refused (I9); defaults are seeded rows, not code. The counters are kept by triggers on orders and
 * fills (migrations/0016_markets_trading_guards.sql): no login writes them. What they do not say is what
 * is held: that is the ledger's.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  date,
  index,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { amount, instant } from '../../platform/db/columns.ts';
import { internalRows } from '../../platform/db/policies.ts';
import { instruments } from '../markets/schema.ts';

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
    /** Whose midnight ends a day of the limit; the firm's where unset. @units IANA time zone */
    dayZone: text('day_zone'),
    /** From how much of the value on somebody is told. @units percent */
    alertPercent: integer('alert_percent').notNull().default(80),
    setBy: text('set_by').notNull(),
    approvalId: uuid('approval_id'),
    reason: text('reason').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    index('risk_limits_scope_idx').on(table.type, table.scope, table.scopeId).where(sql`${table.active}`),
    // What every accept batch asks: all limits of a few dozen accounts, people and instruments.
    index('risk_limits_scope_id_idx').on(table.scopeId).where(sql`${table.active}`),
    check('risk_limits_value_check', sql`${table.value} >= 0`),
    check('risk_limits_scope_check', sql`(${table.scope} = 'platform') = (${table.scopeId} = '')`),
    check('risk_limits_alert_check', sql`${table.alertPercent} between 1 and 100`),
    ...internalRows('risk_limits'),
  ],
);

/** Limits that were taken back, append-only: the limit itself stays as it was set. */
export const riskLimitWithdrawals = pgTable(
  'risk_limit_withdrawals',
  {
    limitId: uuid('limit_id')
      .primaryKey()
      .references(() => riskLimits.id),
    withdrawnBy: uuid('withdrawn_by').notNull(),
    approvalId: uuid('approval_id').notNull(),
    reason: text('reason').notNull(),
    withdrawnAt: instant('withdrawn_at').notNull(),
  },
  () => [...internalRows('risk_limit_withdrawals')],
);

/** What an account has open in an instrument, and what it bought more than it sold. */
export const riskExposures = pgTable(
  'risk_exposures',
  {
    accountId: uuid('account_id').notNull(),
    instrumentId: uuid('instrument_id').notNull(),
    openOrders: integer('open_orders').notNull(),
    /** What the open orders would still turn over at their worst price. @units quote asset */
    openBuyValue: amount('open_buy_value').notNull(),
    openSellValue: amount('open_sell_value').notNull(),
    /** @units base asset; negative for a short position in a contract */
    netQuantity: amount('net_quantity').notNull(),
  },
  (table) => [
    primaryKey({ name: 'risk_exposures_pkey', columns: [table.accountId, table.instrumentId] }),
    ...internalRows('risk_exposures'),
  ],
);

/** What an account traded in each quarter of an hour: any zone's day is a sum of them. */
export const riskTurnovers = pgTable(
  'risk_turnovers',
  {
    accountId: uuid('account_id').notNull(),
    quarterAt: instant('quarter_at').notNull(),
    instrumentId: uuid('instrument_id').notNull(),
    /** @units quote asset */
    volume: amount('volume').notNull(),
    /** After fees; negative for a loss. @units quote asset */
    realisedPnl: amount('realised_pnl').notNull(),
  },
  (table) => [
    primaryKey({
      name: 'risk_turnovers_pkey',
      columns: [table.accountId, table.quarterAt, table.instrumentId],
    }),
    index('risk_turnovers_quarter_at_idx').on(table.quarterAt).where(sql`${table.realisedPnl} < 0`),
    ...internalRows('risk_turnovers'),
  ],
);

export const breakerScope = pgEnum('breaker_scope', ['platform', 'instrument']);
export const breakerTrigger = pgEnum('breaker_trigger', ['manual', 'automatic']);

/**
 * Every time trading was stopped; a row stands as it was written until it is lifted, once. One stands for a target at a
 * time, by a unique index that its migration adds by hand: older rows give way first.
 */
export const circuitBreakers = pgTable(
  'circuit_breakers',
  {
    id: uuid('id').primaryKey(),
    scope: breakerScope('scope').notNull(),
    instrumentId: uuid('instrument_id').references(() => instruments.id),
    trigger: breakerTrigger('trigger').notNull(),
    reason: text('reason').notNull(),
    /** What an automatic one saw: from which price to which. */
    fromPrice: amount('from_price'),
    toPrice: amount('to_price'),
    trippedBy: text('tripped_by').notNull(),
    trippedAt: instant('tripped_at').notNull(),
    /** When it lifts by itself; unset where people have to. */
    endsAt: instant('ends_at'),
    liftedBy: text('lifted_by'),
    liftedAt: instant('lifted_at'),
    liftReason: text('lift_reason'),
    liftApprovalId: uuid('lift_approval_id'),
    /** What it gave way to: one of the same target that stands as long or longer. */
    supersededBy: uuid('superseded_by'),
  },
  (table) => [
    // What every accept batch asks: hardly ever more than a row.
    index('circuit_breakers_active_idx').on(table.instrumentId).where(sql`${table.liftedAt} is null`),
    index('circuit_breakers_instrument_id_idx').on(table.instrumentId),
    check(
      'circuit_breakers_scope_check',
      sql`(${table.scope} = 'instrument') = (${table.instrumentId} is not null)`,
    ),
    check(
      'circuit_breakers_trigger_check',
      sql`(${table.trigger} = 'automatic') = (${table.fromPrice} is not null and ${table.toPrice} is not null)
        and (${table.trigger} = 'manual' or ${table.endsAt} is not null)`,
    ),
    check('circuit_breakers_ends_check', sql`${table.endsAt} > ${table.trippedAt}`),
    check(
      'circuit_breakers_lift_check',
      sql`num_nulls(${table.liftedBy}, ${table.liftedAt}, ${table.liftReason}) in (0, 3)`,
    ),
    ...internalRows('circuit_breakers'),
  ],
);

/** When an instrument's breaker trips by itself, append-only: the latest row of an instrument counts. */
export const breakerRules = pgTable(
  'breaker_rules',
  {
    id: uuid('id').primaryKey(),
    instrumentId: uuid('instrument_id')
      .notNull()
      .references(() => instruments.id),
    active: boolean('active').notNull(),
    /** How far the price may move within the window. @units bps of where it came from, inclusive */
    moveBps: integer('move_bps').notNull(),
    windowSeconds: integer('window_seconds').notNull(),
    pauseSeconds: integer('pause_seconds').notNull(),
    /** From which move on everything stops, not the instrument alone; null where no move does. @units bps */
    platformMoveBps: integer('platform_move_bps'),
    /** From which move on somebody is told. @units bps */
    alertBps: integer('alert_bps').notNull(),
    setBy: uuid('set_by').notNull(),
    approvalId: uuid('approval_id'),
    reason: text('reason').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    index('breaker_rules_instrument_id_idx').on(table.instrumentId, table.id),
    check(
      'breaker_rules_terms_check',
      sql`${table.moveBps} between 1 and 10000 and ${table.alertBps} between 1 and ${table.moveBps}
        and ${table.windowSeconds} between 1 and 3600 and ${table.pauseSeconds} between 1 and 86400`,
    ),
    check('breaker_rules_platform_check', sql`${table.platformMoveBps} between ${table.moveBps} and 10000`),
    ...internalRows('breaker_rules'),
  ],
);

/** The prices of the last window of an instrument with a rule, by the second. */
export const breakerPrices = pgTable(
  'breaker_prices',
  {
    instrumentId: uuid('instrument_id')
      .notNull()
      .references(() => instruments.id),
    secondAt: instant('second_at').notNull(),
    low: amount('low').notNull(),
    high: amount('high').notNull(),
    last: amount('last').notNull(),
    /** How many batches of its feed had been looked at by then; null where it was a trade that was. */
    spans: bigint('spans', { mode: 'bigint' }),
  },
  (table) => [
    primaryKey({ name: 'breaker_prices_pkey', columns: [table.instrumentId, table.secondAt] }),
    ...internalRows('breaker_prices'),
  ],
);

export const riskAlertKind = pgEnum('risk_alert_kind', [
  'position_limit',
  'volume_limit',
  'daily_loss',
  'price_deviation',
  'breaker_tripped',
  'margin_call',
  'liquidation',
  'loss_borne',
  'stale_mark',
  'venue_unknown',
  'position_exit',
]);
export const riskSeverity = pgEnum('risk_severity', ['low', 'medium', 'high', 'critical']);

/** What somebody of the firm should look at: once per condition and day. */
export const riskAlerts = pgTable(
  'risk_alerts',
  {
    id: uuid('id').primaryKey(),
    kind: riskAlertKind('kind').notNull(),
    severity: riskSeverity('severity').notNull(),
    /** What it is about, in one spelling: a limit and an account, a rule, a breaker. */
    condition: text('condition').notNull(),
    /** A day of the firm. */
    day: date('day').notNull(),
    userId: uuid('user_id'),
    accountId: uuid('account_id'),
    instrumentId: uuid('instrument_id').references(() => instruments.id),
    /** Amounts and ids; nothing personal. */
    details: jsonb('details').notNull(),
    raisedAt: instant('raised_at').notNull(),
    acknowledgedBy: uuid('acknowledged_by'),
    acknowledgedAt: instant('acknowledged_at'),
    note: text('note'),
  },
  (table) => [
    uniqueIndex('risk_alerts_condition_key').on(table.condition, table.day),
    index('risk_alerts_user_id_idx').on(table.userId),
    index('risk_alerts_instrument_id_idx').on(table.instrumentId),
    index('risk_alerts_open_idx').on(table.id).where(sql`${table.acknowledgedAt} is null`),
    check(
      'risk_alerts_acknowledged_check',
      sql`num_nulls(${table.acknowledgedBy}, ${table.acknowledgedAt}, ${table.note}) in (0, 3)`,
    ),
    ...internalRows('risk_alerts'),
  ],
);
