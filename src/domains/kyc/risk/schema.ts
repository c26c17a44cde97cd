/**
 * How risky a customer is, version by version of the matrix that says so. A matrix that left its draft and every
 * rating stay as they were (I4); what a rating was made from is ciphertext under the person's key (I10). Internal:
 * no customer ever reads any of it.
 */
import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { ciphertext, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { users } from '../../identity/schema.ts';
import { kycApplications } from '../schema.ts';
import type { RiskMatrix } from './matrix.ts';
import type { RatingPiece } from './rate.ts';
import type { SimulationCounts } from './simulation-counts.ts';

export const kycRiskMatrices = pgTable(
  'kyc_risk_matrices',
  {
    id: uuid('id').primaryKey(),
    version: integer('version').notNull(),
    status: text('status').notNull(),
    /** `release` came with the program, `staff` was drafted by people. */
    origin: text('origin').notNull(),
    content: jsonb('content').$type<RiskMatrix>().notNull(),
    /** @units lower-case hex SHA-256 of the canonical JSON */
    contentHash: text('content_hash').notNull(),
    reason: text('reason').notNull(),
    createdBy: text('created_by').notNull(),
    createdAt: instant('created_at').notNull(),
    approvalId: uuid('approval_id').references(() => approvals.id),
    activatedAt: instant('activated_at'),
    retiredAt: instant('retired_at'),
  },
  (table) => [
    uniqueIndex('kyc_risk_matrices_version_key').on(table.version),
    uniqueIndex('kyc_risk_matrices_active_key').on(table.status).where(sql`${table.status} = 'active'`),
    index('kyc_risk_matrices_approval_id_idx').on(table.approvalId),
    check('kyc_risk_matrices_status_check', sql`${table.status} in ('draft', 'active', 'retired')`),
    check('kyc_risk_matrices_origin_check', sql`${table.origin} in ('release', 'staff')`),
    ...internalRows('kyc_risk_matrices'),
  ],
);

/** Append-only: each score there ever was, with what it was made from. */
export const kycRiskRatings = pgTable(
  'kyc_risk_ratings',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    applicationId: uuid('application_id').references(() => kycApplications.id),
    matrixId: uuid('matrix_id')
      .notNull()
      .references(() => kycRiskMatrices.id),
    /** @units 0–100 */
    score: smallint('score').notNull(),
    level: text('level').notNull(),
    /** Sealed JSON: the facts, such as countries and the class of an occupation. */
    inputs: ciphertext('inputs').notNull(),
    /** What each factor gave: values, weights and points, no facts. */
    pieces: jsonb('pieces').$type<readonly RatingPiece[]>().notNull(),
    cause: text('cause').notNull(),
    /** The score people raised it to, whatever the matrix says. */
    raisedTo: smallint('raised_to'),
    reason: text('reason'),
    approvalId: uuid('approval_id').references(() => approvals.id),
    ratedBy: text('rated_by').notNull(),
    ratedAt: instant('rated_at').notNull(),
    nextReviewAt: instant('next_review_at').notNull(),
  },
  (table) => [
    index('kyc_risk_ratings_user_id_idx').on(table.userId, table.id),
    index('kyc_risk_ratings_application_id_idx').on(table.applicationId),
    index('kyc_risk_ratings_matrix_id_idx').on(table.matrixId),
    index('kyc_risk_ratings_approval_id_idx').on(table.approvalId),
    check('kyc_risk_ratings_score_check', sql`${table.score} between 0 and 100`),
    check('kyc_risk_ratings_raised_to_check', sql`${table.raisedTo} between 0 and 100`),
    check('kyc_risk_ratings_level_check', sql`${table.level} in ('low', 'medium', 'high', 'prohibited')`),
    check(
      'kyc_risk_ratings_cause_check',
      sql`${table.cause} in ('application', 'profile', 'signal', 'matrix', 'review', 'raised', 'lowered')`,
    ),
    ...internalRows('kyc_risk_ratings'),
  ],
);

/** Append-only: what was learnt of a person elsewhere that their rating has to know; codes and points only. */
export const kycRiskSignals = pgTable(
  'kyc_risk_signals',
  {
    /** The event that told it, so that it counts once. */
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    kind: text('kind').notNull(),
    points: integer('points').notNull(),
    at: instant('at').notNull(),
  },
  (table) => [
    index('kyc_risk_signals_user_id_idx').on(table.userId, table.at),
    check(
      'kyc_risk_signals_kind_check',
      sql`${table.kind} in ('pep_found', 'adverse_media', 'behaviour', 'suspicion')`,
    ),
    check('kyc_risk_signals_points_check', sql`${table.points} >= 0`),
    ...internalRows('kyc_risk_signals'),
  ],
);

/** Where a customer stands now: their newest rating, and when they are looked at again. */
export const kycStandings = pgTable(
  'kyc_standings',
  {
    userId: uuid('user_id')
      .primaryKey()
      .references(() => users.id),
    ratingId: uuid('rating_id')
      .notNull()
      .references(() => kycRiskRatings.id),
    matrixId: uuid('matrix_id')
      .notNull()
      .references(() => kycRiskMatrices.id),
    score: smallint('score').notNull(),
    level: text('level').notNull(),
    raisedTo: smallint('raised_to'),
    /** Whether the firm has to know more of them than of others. */
    eddRequired: boolean('edd_required').notNull(),
    politicallyExposed: boolean('politically_exposed').notNull(),
    ratedAt: instant('rated_at').notNull(),
    /** From when on the time to their next review runs: their approval, or their last review. */
    reviewedAt: instant('reviewed_at').notNull(),
    nextReviewAt: instant('next_review_at').notNull(),
    dormantSince: instant('dormant_since'),
    /** When they were last reminded that they fall dormant. */
    dormancyToldAt: instant('dormancy_told_at'),
    version: integer('version').notNull().default(1),
  },
  (table) => [
    index('kyc_standings_rating_id_idx').on(table.ratingId),
    index('kyc_standings_matrix_id_idx').on(table.matrixId, table.userId),
    index('kyc_standings_next_review_at_idx').on(table.nextReviewAt),
    check('kyc_standings_score_check', sql`${table.score} between 0 and 100`),
    check('kyc_standings_raised_to_check', sql`${table.raisedTo} between 0 and 100`),
    check('kyc_standings_level_check', sql`${table.level} in ('low', 'medium', 'high', 'prohibited')`),
    ...internalRows('kyc_standings'),
  ],
);

/** What a matrix would make of every customer; it changes nobody. */
export const kycRiskSimulations = pgTable(
  'kyc_risk_simulations',
  {
    id: uuid('id').primaryKey(),
    matrixId: uuid('matrix_id')
      .notNull()
      .references(() => kycRiskMatrices.id),
    contentHash: text('content_hash').notNull(),
    /** The matrix it was compared with. */
    againstId: uuid('against_id').notNull(),
    status: text('status').notNull(),
    /** How far it came. */
    afterUserId: uuid('after_user_id'),
    total: integer('total').notNull(),
    done: integer('done').notNull(),
    counts: jsonb('counts').$type<SimulationCounts>().notNull(),
    /** Over every customer's id, score and level, in the order of ids. @units lower-case hex SHA-256 */
    digest: text('digest').notNull(),
    requestedBy: uuid('requested_by').notNull(),
    requestedAt: instant('requested_at').notNull(),
    finishedAt: instant('finished_at'),
  },
  (table) => [
    index('kyc_risk_simulations_matrix_id_idx').on(table.matrixId, table.id),
    uniqueIndex('kyc_risk_simulations_running_key')
      .on(table.matrixId)
      .where(sql`${table.status} = 'running'`),
    check('kyc_risk_simulations_status_check', sql`${table.status} in ('running', 'done')`),
    ...internalRows('kyc_risk_simulations'),
  ],
);
