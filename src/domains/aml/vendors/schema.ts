/**
 * What outside vendors are asked and what they say. A question is asked until it is answered or given up, an answer
 * is append-only (I4) and ciphertext under the key of whom it is about (I10). Internal: no customer's login may see
 * any of it.
 */
import { sql } from 'drizzle-orm';
import { boolean, check, index, integer, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { ciphertext, digest, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { users } from '../../identity/schema.ts';
import { monitoredActivity } from '../monitoring/schema.ts';
import { amlAlerts, screeningResult, screenings } from '../schema.ts';
import type { AssessmentVerdict, OwnVerdict } from './monitoring-vendor.ts';

/** One screening that a vendor is asked about too; only its state moves. */
export const vendorRequests = pgTable(
  'vendor_requests',
  {
    id: uuid('id').primaryKey(),
    screeningId: uuid('screening_id')
      .notNull()
      .references(() => screenings.id),
    /** Null where the screening is about nobody the firm serves. */
    userId: uuid('user_id').references(() => users.id),
    vendor: text('vendor').notNull(),
    status: text('status').notNull(),
    failures: integer('failures').notNull().default(0),
    lastFailure: text('last_failure'),
    createdAt: instant('created_at').notNull(),
    /** When it is asked next, by the real clock; null once there is nothing more to ask. */
    nextAt: instant('next_at'),
    settledAt: instant('settled_at'),
    /** Who was found for whom, keyed; null where nobody was, and once the person was erased. */
    matchDigest: digest('match_digest'),
    /** The alert about what only the vendor found. */
    alertId: uuid('alert_id').references(() => amlAlerts.id),
  },
  (table) => [
    uniqueIndex('vendor_requests_screening_id_key').on(table.screeningId, table.vendor),
    index('vendor_requests_next_at_idx')
      .on(table.vendor, table.nextAt)
      .where(sql`${table.status} = 'waiting'`),
    index('vendor_requests_user_id_idx').on(table.userId),
    index('vendor_requests_alert_id_idx').on(table.alertId),
    index('vendor_requests_created_at_idx').on(table.createdAt),
    index('vendor_requests_match_digest_idx').on(table.matchDigest),
    check('vendor_requests_status_check', sql`${table.status} in ('waiting', 'answered', 'abandoned')`),
    check(
      'vendor_requests_settled_check',
      sql`(${table.status} = 'waiting') = (${table.settledAt} is null)
        and (${table.status} = 'waiting') = (${table.nextAt} is not null)`,
    ),
    ...internalRows('vendor_requests'),
  ],
);

/** What a vendor said of one screening, and how it compares with our own word (append-only). */
export const vendorResults = pgTable(
  'vendor_results',
  {
    id: uuid('id').primaryKey(),
    requestId: uuid('request_id')
      .notNull()
      .references(() => vendorRequests.id),
    screeningId: uuid('screening_id')
      .notNull()
      .references(() => screenings.id),
    userId: uuid('user_id').references(() => users.id),
    vendor: text('vendor').notNull(),
    /** Whether it only stood beside our own word, or the stricter of both counted. */
    mode: text('mode').notNull(),
    result: text('result').notNull(),
    /** The best score it gave to anybody; null where it named nobody. @units 0–10,000 */
    bestScoreBps: integer('best_score_bps'),
    /** How many it calls a match. */
    matchCount: integer('match_count').notNull(),
    ownResult: screeningResult('own_result').notNull(),
    /** Both found somebody, or neither did. */
    agreed: boolean('agreed').notNull(),
    /** Sealed JSON: what it answered, under the person's key (the house's without a person). */
    answer: ciphertext('answer').notNull(),
    /** How long the call took that brought it. @units ms */
    latencyMs: integer('latency_ms').notNull(),
    at: instant('at').notNull(),
  },
  (table) => [
    uniqueIndex('vendor_results_request_id_key').on(table.requestId),
    index('vendor_results_screening_id_idx').on(table.screeningId),
    index('vendor_results_user_id_idx').on(table.userId, table.id),
    index('vendor_results_at_idx').on(table.at),
    check('vendor_results_mode_check', sql`${table.mode} in ('compare', 'decide')`),
    check('vendor_results_result_check', sql`${table.result} in ('clear', 'match')`),
    check('vendor_results_best_score_bps_check', sql`${table.bestScoreBps} between 0 and 10000`),
    check(
      'vendor_results_match_count_check',
      sql`${table.matchCount} >= 0 and (${table.matchCount} > 0) = (${table.result} = 'match')`,
    ),
    ...internalRows('vendor_results'),
  ],
);

/** One activity that a monitoring vendor is asked about too; only its state moves. */
export const monitoringVendorRequests = pgTable(
  'monitoring_vendor_requests',
  {
    id: uuid('id').primaryKey(),
    activityId: uuid('activity_id')
      .notNull()
      .references(() => monitoredActivity.id),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    vendor: text('vendor').notNull(),
    status: text('status').notNull(),
    failures: integer('failures').notNull().default(0),
    lastFailure: text('last_failure'),
    createdAt: instant('created_at').notNull(),
    /** When it is asked next, by the real clock; null once there is nothing more to ask. */
    nextAt: instant('next_at'),
    settledAt: instant('settled_at'),
    /** The alert about what only the vendor found. */
    alertId: uuid('alert_id').references(() => amlAlerts.id),
  },
  (table) => [
    uniqueIndex('monitoring_vendor_requests_activity_id_key').on(table.activityId, table.vendor),
    index('monitoring_vendor_requests_next_at_idx')
      .on(table.vendor, table.nextAt)
      .where(sql`${table.status} = 'waiting'`),
    index('monitoring_vendor_requests_user_id_idx').on(table.userId, table.id),
    index('monitoring_vendor_requests_alert_id_idx').on(table.alertId),
    index('monitoring_vendor_requests_created_at_idx').on(table.createdAt),
    check(
      'monitoring_vendor_requests_status_check',
      sql`${table.status} in ('waiting', 'answered', 'abandoned')`,
    ),
    check(
      'monitoring_vendor_requests_settled_check',
      sql`(${table.status} = 'waiting') = (${table.settledAt} is null)
        and (${table.status} = 'waiting') = (${table.nextAt} is not null)`,
    ),
    ...internalRows('monitoring_vendor_requests'),
  ],
);

/** What a monitoring vendor said of one activity, beside what our own rules found (append-only). */
export const monitoringVendorResults = pgTable(
  'monitoring_vendor_results',
  {
    id: uuid('id').primaryKey(),
    requestId: uuid('request_id')
      .notNull()
      .references(() => monitoringVendorRequests.id),
    activityId: uuid('activity_id')
      .notNull()
      .references(() => monitoredActivity.id),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    vendor: text('vendor').notNull(),
    /** Whether it only stood beside our own word, or the stricter of both counted. */
    mode: text('mode').notNull(),
    verdict: text('verdict').$type<AssessmentVerdict>().notNull(),
    /** In the vendor's own points. */
    score: integer('score'),
    /** What the vendor calls its decision. */
    reference: text('reference'),
    /** What our own rules made of the activity when the vendor answered. */
    ownVerdict: text('own_verdict').$type<OwnVerdict>().notNull(),
    /** Both found something, or neither did; null where the vendor does not look at it. */
    agreed: boolean('agreed'),
    /** Sealed JSON: what it answered, under the person's key. */
    answer: ciphertext('answer').notNull(),
    /** How long the call took. @units ms */
    latencyMs: integer('latency_ms').notNull(),
    at: instant('at').notNull(),
  },
  (table) => [
    uniqueIndex('monitoring_vendor_results_request_id_key').on(table.requestId),
    index('monitoring_vendor_results_activity_id_idx').on(table.activityId),
    index('monitoring_vendor_results_user_id_idx').on(table.userId, table.id),
    index('monitoring_vendor_results_at_idx').on(table.at),
    check('monitoring_vendor_results_mode_check', sql`${table.mode} in ('compare', 'decide')`),
    check(
      'monitoring_vendor_results_verdict_check',
      sql`${table.verdict} in ('pass', 'review', 'stop', 'skipped')
        and (${table.verdict} = 'skipped') = (${table.agreed} is null)`,
    ),
    check(
      'monitoring_vendor_results_own_verdict_check',
      sql`${table.ownVerdict} in ('none', 'hit', 'alert', 'stop')`,
    ),
    ...internalRows('monitoring_vendor_results'),
  ],
);
