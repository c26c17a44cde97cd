/**
 * Who was last held against what, and the runs that bring everybody up to the lists that are active. A run
 * keeps one short row for each person it looked at (append-only, I4); whoever it finds something on gets a
 * screening with all that explains it. Internal: no customer's login may see any of it.
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
import { digest, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { users } from '../../identity/schema.ts';
import { screenings } from '../schema.ts';

/** A set of list versions that somebody was held against, by the hash that stands for it. */
export const screeningListSets = pgTable(
  'screening_list_sets',
  {
    /** @units lowercase hex SHA-256 over the versions */
    hash: text('hash').primaryKey(),
    versions: jsonb('versions').$type<Readonly<Record<string, string>>>().notNull(),
    createdAt: instant('created_at').notNull(),
  },
  () => [...internalRows('screening_list_sets')],
);

/** What a person was last held against: one row each. */
export const screeningStandings = pgTable(
  'screening_standings',
  {
    userId: uuid('user_id')
      .primaryKey()
      .references(() => users.id),
    /** The newest screening in full; null where only runs looked, and found nothing. */
    screeningId: uuid('screening_id').references(() => screenings.id),
    listSet: text('list_set')
      .notNull()
      .references(() => screeningListSets.hash),
    configHash: text('config_hash').notNull(),
    checkedAt: instant('checked_at').notNull(),
    nextDueAt: instant('next_due_at').notNull(),
    version: integer('version').notNull().default(1),
  },
  (table) => [
    index('screening_standings_list_set_idx').on(table.listSet, table.userId),
    index('screening_standings_next_due_at_idx').on(table.nextDueAt),
    index('screening_standings_screening_id_idx').on(table.screeningId),
    ...internalRows('screening_standings'),
  ],
);

/** One effort to bring everybody up to the active lists; at most one runs. */
export const rescreeningRuns = pgTable(
  'rescreening_runs',
  {
    id: uuid('id').primaryKey(),
    cause: text('cause').notNull(),
    status: text('status').notNull(),
    /** Everybody against everything, whatever they were held against before. */
    isFull: boolean('is_full').notNull(),
    /** What was active when it began. */
    listSet: text('list_set').notNull(),
    configHash: text('config_hash').notNull(),
    /** Where the pass over the people stands; null before its first and after its last. */
    afterUserId: uuid('after_user_id'),
    /** People behind when it began. */
    total: integer('total').notNull(),
    done: integer('done').notNull().default(0),
    hits: integer('hits').notNull().default(0),
    skipped: integer('skipped').notNull().default(0),
    requestedBy: text('requested_by').notNull(),
    startedAt: instant('started_at').notNull(),
    movedAt: instant('moved_at').notNull(),
    finishedAt: instant('finished_at'),
    version: integer('version').notNull().default(1),
  },
  (table) => [
    uniqueIndex('rescreening_runs_running_key').on(table.status).where(sql`${table.status} = 'running'`),
    check('rescreening_runs_status_check', sql`${table.status} in ('running', 'done')`),
    check(
      'rescreening_runs_finished_check',
      sql`(${table.status} = 'done') = (${table.finishedAt} is not null)`,
    ),
    check(
      'rescreening_runs_cause_check',
      sql`${table.cause} in ('list_change', 'config_change', 'catch_up', 'manual')`,
    ),
    ...internalRows('rescreening_runs'),
  ],
);

/** What a run found on one person: evidence in short for those it found nothing on. */
export const rescreeningResults = pgTable(
  'rescreening_results',
  {
    runId: uuid('run_id')
      .notNull()
      .references(() => rescreeningRuns.id),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    /** What they were held against with this row. */
    listSet: text('list_set').notNull(),
    outcome: text('outcome').notNull(),
    /** Only the entries that are new to the person were compared. */
    isDelta: boolean('is_delta').notNull(),
    /** How many listed entries were compared. */
    entities: integer('entities').notNull(),
    /** A keyed hash of what was compared; null where nobody was left to compare. */
    subjectDigest: digest('subject_digest'),
    screeningId: uuid('screening_id').references(() => screenings.id),
    at: instant('at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'rescreening_results_pkey', columns: [table.runId, table.userId, table.listSet] }),
    index('rescreening_results_user_id_idx').on(table.userId),
    index('rescreening_results_screening_id_idx').on(table.screeningId),
    check('rescreening_results_outcome_check', sql`${table.outcome} in ('clear', 'screened', 'erased')`),
    ...internalRows('rescreening_results'),
  ],
);
