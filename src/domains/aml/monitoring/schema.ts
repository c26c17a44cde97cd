/**
 * What people did, as it was watched; the rules it was held against, version by version; and what they found.
 * Activity and hits are evidence (append-only, I4; of an activity only the keyed hash of the other side goes, when
 * a person is erased). A rule that left its draft stays as it was. Internal: no customer's login may see any of it.
 */
import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { ActivityKind } from '../../../platform/activity.ts';
import { amount, digest, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { users } from '../../identity/schema.ts';
import { amlAlerts } from '../schema.ts';
import type { Simulation } from './simulation.ts';

export const monitoredActivity = pgTable(
  'monitored_activity',
  {
    id: uuid('id').primaryKey(),
    source: text('source').notNull(),
    sourceId: text('source_id').notNull(),
    kind: text('kind').$type<ActivityKind>().notNull(),
    /** An order or a trade, of which one person can have very many. */
    isMarket: boolean('is_market').notNull(),
    /** No key, as of `linkedUserId`: `check_monitored_activity_names` looks at all rows of a statement at once. */
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id'),
    occurredAt: instant('occurred_at').notNull(),
    collectedAt: instant('collected_at').notNull(),
    asset: text('asset'),
    amount: amount('amount'),
    direction: text('direction').$type<'in' | 'out' | 'none'>().notNull(),
    counterpartyIndex: digest('counterparty_index'),
    counterpartyCountry: text('counterparty_country'),
    instrument: text('instrument'),
    side: text('side').$type<'buy' | 'sell'>(),
    price: amount('price'),
    quantity: amount('quantity'),
    linkedUserId: uuid('linked_user_id'),
    data: jsonb('data').$type<{ readonly [key: string]: Json }>().notNull(),
  },
  (table) => [
    uniqueIndex('monitored_activity_source_key').on(table.source, table.sourceId),
    index('monitored_activity_user_id_idx').on(
      table.userId,
      table.isMarket,
      table.kind,
      table.occurredAt,
      table.id,
    ),
    index('monitored_activity_pair_idx')
      .on(table.linkedUserId, table.userId, table.instrument, table.occurredAt, table.id)
      .where(sql`${table.linkedUserId} is not null`),
    index('monitored_activity_occurred_at_idx').on(table.occurredAt, table.id),
    index('monitored_activity_counterparty_index_idx')
      .on(table.counterpartyIndex, table.userId)
      .where(sql`${table.counterpartyIndex} is not null`),
    index('monitored_activity_instrument_idx')
      .on(table.instrument, table.occurredAt)
      .where(sql`${table.kind} = 'fill'`),
    check('monitored_activity_direction_check', sql`${table.direction} in ('in', 'out', 'none')`),
    check('monitored_activity_side_check', sql`${table.side} is null or ${table.side} in ('buy', 'sell')`),
    ...internalRows('monitored_activity'),
  ],
);

/** How far each source was read; what came about before `began_at` is history and raises nothing. */
export const activityCursors = pgTable(
  'activity_cursors',
  {
    source: text('source').primaryKey(),
    position: text('position').notNull(),
    beganAt: instant('began_at').notNull(),
    movedAt: instant('moved_at').notNull(),
    /** When it was last read up to what came about a moment before, by real time. */
    caughtUpAt: instant('caught_up_at').notNull().default(sql`now()`),
    /** When somebody was told that it is behind; null once it has caught up. */
    behindToldAt: instant('behind_told_at'),
    /** The newest of what was passed by, by `sourceId`: its places are read again, and it was told. */
    passedBy: text('passed_by').array().notNull().default(sql`'{}'`),
  },
  () => [...internalRows('activity_cursors')],
);

export const monitoringRules = pgTable(
  'monitoring_rules',
  {
    id: uuid('id').primaryKey(),
    /** A rule, a typology, or `reference` for what counts as a large amount. */
    key: text('key').notNull(),
    version: integer('version').notNull(),
    status: text('status').$type<'draft' | 'active' | 'retired'>().notNull(),
    /** `release` came with the program, `staff` was drafted by people. */
    origin: text('origin').$type<'release' | 'staff'>().notNull(),
    content: jsonb('content').$type<{ readonly [key: string]: Json }>().notNull(),
    /** @units lowercase hex SHA-256 */
    contentHash: text('content_hash').notNull(),
    reason: text('reason').notNull(),
    simulation: jsonb('simulation').$type<Simulation>(),
    approvalId: uuid('approval_id'),
    createdBy: text('created_by').notNull(),
    createdAt: instant('created_at').notNull(),
    activatedAt: instant('activated_at'),
    retiredAt: instant('retired_at'),
  },
  (table) => [
    uniqueIndex('monitoring_rules_version_key').on(table.key, table.version),
    uniqueIndex('monitoring_rules_active_key').on(table.key).where(sql`${table.status} = 'active'`),
    check('monitoring_rules_status_check', sql`${table.status} in ('draft', 'active', 'retired')`),
    check('monitoring_rules_origin_check', sql`${table.origin} in ('release', 'staff')`),
    ...internalRows('monitoring_rules'),
  ],
);

/** What a rule found in an activity; numbers and codes only. */
export const ruleHits = pgTable(
  'rule_hits',
  {
    id: uuid('id').primaryKey(),
    ruleKey: text('rule_key').notNull(),
    /** 0 for what the program came with, where no version was stored yet. */
    ruleVersion: integer('rule_version').notNull(),
    contentHash: text('content_hash').notNull(),
    typology: text('typology').notNull(),
    activityId: uuid('activity_id')
      .notNull()
      .references(() => monitoredActivity.id),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    measure: integer('measure').notNull(),
    points: integer('points').notNull(),
    /** Each hit counts, and not only the strongest of its rule. */
    addsEach: boolean('adds_each').notNull(),
    facts: jsonb('facts').$type<{ readonly [key: string]: Json }>().notNull(),
    /** The snooze that keeps it from counting. */
    snoozeId: uuid('snooze_id').references(() => ruleSnoozes.id),
    at: instant('at').notNull(),
  },
  (table) => [
    uniqueIndex('rule_hits_activity_key').on(table.activityId, table.ruleKey, table.userId),
    index('rule_hits_user_id_idx').on(table.userId, table.at),
    index('rule_hits_snooze_id_idx').on(table.snoozeId),
    check('rule_hits_points_check', sql`${table.points} between 0 and 1000 and ${table.measure} >= 0`),
    ...internalRows('rule_hits'),
  ],
);

/** An alert that a simulated draft would raise and what is in force does not, or the other way round. */
export const simulatedAlerts = pgTable(
  'simulated_alerts',
  {
    id: uuid('id').primaryKey(),
    ruleId: uuid('rule_id')
      .notNull()
      .references(() => monitoringRules.id),
    /** Which simulation of the draft; only the newest counts. */
    simulationId: uuid('simulation_id').notNull(),
    change: text('change').$type<'new' | 'lost'>().notNull(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    typology: text('typology').notNull(),
    /** What would have raised it. */
    activityId: uuid('activity_id')
      .notNull()
      .references(() => monitoredActivity.id),
    points: integer('points').notNull(),
    at: instant('at').notNull(),
  },
  (table) => [
    index('simulated_alerts_rule_id_idx').on(table.ruleId, table.simulationId, table.id),
    index('simulated_alerts_user_id_idx').on(table.userId),
    index('simulated_alerts_activity_id_idx').on(table.activityId),
    check('simulated_alerts_change_check', sql`${table.change} in ('new', 'lost')`),
    ...internalRows('simulated_alerts'),
  ],
);

/** Which alert a hit went into. */
export const ruleHitAlerts = pgTable(
  'rule_hit_alerts',
  {
    hitId: uuid('hit_id')
      .primaryKey()
      .references(() => ruleHits.id),
    alertId: uuid('alert_id')
      .notNull()
      .references(() => amlAlerts.id),
    at: instant('at').notNull(),
  },
  (table) => [index('rule_hit_alerts_alert_id_idx').on(table.alertId), ...internalRows('rule_hit_alerts')],
);

/** A rule that does not count for one person until a day, as two people agreed. */
export const ruleSnoozes = pgTable(
  'rule_snoozes',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    ruleKey: text('rule_key').notNull(),
    until: instant('until').notNull(),
    approvalId: uuid('approval_id').notNull(),
    createdBy: uuid('created_by').notNull(),
    createdAt: instant('created_at').notNull(),
    endedAt: instant('ended_at'),
    endedBy: uuid('ended_by'),
  },
  (table) => [
    index('rule_snoozes_user_id_idx').on(table.userId, table.ruleKey),
    uniqueIndex('rule_snoozes_approval_id_key').on(table.approvalId),
    check('rule_snoozes_created_by_check', sql`${table.createdBy} <> ${table.userId}`),
    check(
      'rule_snoozes_until_check',
      sql`${table.until} > ${table.createdAt} and ${table.until} <= ${table.createdAt} + interval '90 days'`,
    ),
    check('rule_snoozes_ended_check', sql`(${table.endedAt} is null) = (${table.endedBy} is null)`),
    ...internalRows('rule_snoozes'),
  ],
);

/** How much the people of one KYC level moved in thirty days, one row for each level and direction. */
export const peerFigures = pgTable(
  'peer_figures',
  {
    peerGroup: text('peer_group').notNull(),
    direction: text('direction').$type<'in' | 'out'>().notNull(),
    people: integer('people').notNull(),
    /** What ninety-nine of a hundred stay below. @units basis points of the reference amounts */
    highBps: integer('high_bps').notNull(),
    computedAt: instant('computed_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'peer_figures_pkey', columns: [table.peerGroup, table.direction] }),
    check('peer_figures_direction_check', sql`${table.direction} in ('in', 'out')`),
    ...internalRows('peer_figures'),
  ],
);
