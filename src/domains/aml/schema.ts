/**
 * Lists, screenings and their evidence. No customer policy on any table here: a customer's login
 * cannot see that a screening exists (no tipping off). Screenings are append-only (I4); the work on
 * them lives in alerts.
 */
import { sql } from 'drizzle-orm';
import {
  check,
  index,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { ciphertext, digest, instant } from '../../platform/db/columns.ts';
import { internalRows } from '../../platform/db/policies.ts';
import { users } from '../identity/schema.ts';

export const listKind = pgEnum('list_kind', [
  'ofac_sdn',
  'ofac_consolidated',
  'un_consolidated',
  'uk_sanctions',
  'eu_consolidated',
  'opensanctions',
  'own',
]);

export const screeningLists = pgTable(
  'screening_lists',
  {
    id: uuid('id').primaryKey(),
    kind: listKind('kind').notNull(),
    name: text('name').notNull(),
    activeVersionId: uuid('active_version_id'),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    uniqueIndex('screening_lists_kind_name_key').on(table.kind, table.name),
    ...internalRows('screening_lists'),
  ],
);

export const listVersionStatus = pgEnum('list_version_status', [
  'importing',
  'active',
  'superseded',
  'refused',
]);

/** One imported file set; activation is one update of `screening_lists.active_version_id`. */
export const listVersions = pgTable(
  'list_versions',
  {
    id: uuid('id').primaryKey(),
    listId: uuid('list_id')
      .notNull()
      .references(() => screeningLists.id),
    status: listVersionStatus('status').notNull(),
    fileHash: digest('file_hash').notNull(),
    publishedAt: text('published_at'),
    entityCount: integer('entity_count').notNull(),
    addedCount: integer('added_count').notNull(),
    changedCount: integer('changed_count').notNull(),
    removedCount: integer('removed_count').notNull(),
    refusal: text('refusal'),
    importedBy: text('imported_by').notNull(),
    importedAt: instant('imported_at').notNull(),
  },
  (table) => [
    index('list_versions_list_id_idx').on(table.listId, table.importedAt),
    ...internalRows('list_versions'),
  ],
);

/** Every distinct state of a listed entity, kept once by its hash. */
export const listEntities = pgTable(
  'list_entities',
  {
    id: uuid('id').primaryKey(),
    listId: uuid('list_id')
      .notNull()
      .references(() => screeningLists.id),
    sourceId: text('source_id').notNull(),
    entityHash: digest('entity_hash').notNull(),
    kind: text('kind').notNull(),
    record: jsonb('record').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    uniqueIndex('list_entities_list_id_source_id_entity_hash_key').on(
      table.listId,
      table.sourceId,
      table.entityHash,
    ),
    ...internalRows('list_entities'),
  ],
);

/** Which entity states a version holds. */
export const listVersionEntities = pgTable(
  'list_version_entities',
  {
    versionId: uuid('version_id')
      .notNull()
      .references(() => listVersions.id),
    entityId: uuid('entity_id')
      .notNull()
      .references(() => listEntities.id),
  },
  (table) => [
    primaryKey({ name: 'list_version_entities_pkey', columns: [table.versionId, table.entityId] }),
    index('list_version_entities_entity_id_idx').on(table.entityId),
    ...internalRows('list_version_entities'),
  ],
);

export const checkType = pgEnum('check_type', [
  'sanctions_screening',
  'pep_check',
  'adverse_media',
  'transaction_monitoring',
  'source_of_funds',
]);
export const screeningResult = pgEnum('screening_result', ['clear', 'warning', 'alert', 'error']);

/** One comparison of a subject with the active lists, with all that explains it (append-only, I4). */
export const screenings = pgTable(
  'screenings',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').references(() => users.id),
    checkType: checkType('check_type').notNull(),
    trigger: text('trigger').notNull(),
    provider: text('provider').notNull(),
    /** Sealed JSON: the subject as screened, under the person's key (the house's without a person). */
    subject: ciphertext('subject').notNull(),
    result: screeningResult('result').notNull(),
    riskScore: smallint('risk_score').notNull(),
    listVersions: jsonb('list_versions').notNull(),
    algorithmVersion: text('algorithm_version').notNull(),
    configHash: text('config_hash').notNull(),
    matchCount: integer('match_count').notNull(),
    requestedBy: text('requested_by').notNull(),
    checkedAt: instant('checked_at').notNull(),
    nextCheckDueAt: instant('next_check_due_at'),
  },
  (table) => [
    index('screenings_user_id_idx').on(table.userId, table.checkedAt),
    index('screenings_checked_at_idx').on(table.checkedAt, table.id),
    check('screenings_risk_score_check', sql`${table.riskScore} between 0 and 100`),
    ...internalRows('screenings'),
  ],
);

export const screeningMatches = pgTable(
  'screening_matches',
  {
    id: uuid('id').primaryKey(),
    screeningId: uuid('screening_id')
      .notNull()
      .references(() => screenings.id),
    entityId: uuid('entity_id')
      .notNull()
      .references(() => listEntities.id),
    rank: smallint('rank').notNull(),
    /** @units 0–10,000: the score times ten thousand */
    scoreBps: integer('score_bps').notNull(),
    matchedName: text('matched_name').notNull(),
    /** Sealed JSON, under the key of the screening's subject: it quotes their names and birth date. */
    explanation: ciphertext('explanation').notNull(),
  },
  (table) => [
    uniqueIndex('screening_matches_screening_id_rank_key').on(table.screeningId, table.rank),
    index('screening_matches_entity_id_idx').on(table.entityId),
    ...internalRows('screening_matches'),
  ],
);

export const amlAlertStatus = pgEnum('aml_alert_status', ['open', 'assigned', 'resolved']);
export const amlDisposition = pgEnum('aml_disposition', ['true_match', 'false_positive', 'inconclusive']);

/** Something to look at; closing one as a false positive is what sets the gate back to clear. */
export const amlAlerts = pgTable(
  'aml_alerts',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    screeningId: uuid('screening_id')
      .notNull()
      .references(() => screenings.id),
    status: amlAlertStatus('status').notNull(),
    severity: text('severity').notNull(),
    assigneeId: uuid('assignee_id'),
    disposition: amlDisposition('disposition'),
    reason: text('reason'),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    resolvedAt: instant('resolved_at'),
    resolvedBy: uuid('resolved_by'),
  },
  (table) => [
    index('aml_alerts_status_idx').on(table.status, table.createdAt),
    index('aml_alerts_user_id_idx').on(table.userId),
    uniqueIndex('aml_alerts_screening_id_key').on(table.screeningId),
    check(
      'aml_alerts_resolved_by_check',
      sql`${table.resolvedBy} is null or ${table.resolvedBy} <> ${table.userId}`,
    ),
    check(
      'aml_alerts_resolved_check',
      sql`(${table.status} = 'resolved') = (${table.disposition} is not null)`,
    ),
    ...internalRows('aml_alerts'),
  ],
);
