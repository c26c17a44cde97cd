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
import { amlCases } from './cases/schema.ts';

export const listKind = pgEnum('list_kind', [
  'ofac_sdn',
  'ofac_consolidated',
  'un_consolidated',
  'uk_sanctions',
  'eu_consolidated',
  'opensanctions',
  'own',
]);

export const listPurpose = pgEnum('list_purpose', ['sanctions', 'pep', 'adverse_media', 'internal']);

export const screeningLists = pgTable(
  'screening_lists',
  {
    id: uuid('id').primaryKey(),
    kind: listKind('kind').notNull(),
    name: text('name').notNull(),
    activeVersionId: uuid('active_version_id'),
    createdAt: instant('created_at').notNull(),
    purpose: listPurpose('purpose').notNull().default('sanctions'),
    /** Whether a hit shuts the gate until somebody looked (`stop`), or only asks for a look (`review`). */
    effect: text('effect').notNull().default('stop'),
    /** How its files are read; null is the first format of its kind. */
    format: text('format'),
    status: text('status').notNull().default('active'),
    maxShrinkBps: integer('max_shrink_bps').notNull().default(2_000),
    minEntities: integer('min_entities').notNull().default(1),
    /** Part of the publication to https address; null where it is imported by hand. */
    sourceUrls: jsonb('source_urls').$type<Readonly<Record<string, string>>>(),
    fetchMinutes: integer('fetch_minutes'),
    staleAfterHours: integer('stale_after_hours').notNull().default(48),
    nextFetchAt: instant('next_fetch_at'),
    lastFetchAt: instant('last_fetch_at'),
    lastFetchOutcome: text('last_fetch_outcome'),
    failedFetches: integer('failed_fetches').notNull().default(0),
    /** When its publisher was last known to publish what is active. */
    confirmedAt: instant('confirmed_at'),
    staleAlarmAt: instant('stale_alarm_at'),
    /** When its purpose or effect last became another: who was looked at before then is looked at again. */
    meaningChangedAt: instant('meaning_changed_at'),
    /** The decision of two people behind what is set here; null while it is as it was made. */
    changeApprovalId: uuid('change_approval_id'),
    version: integer('version').notNull().default(1),
  },
  (table) => [
    uniqueIndex('screening_lists_kind_name_key').on(table.kind, table.name),
    check('screening_lists_effect_check', sql`${table.effect} in ('stop', 'review')`),
    check('screening_lists_status_check', sql`${table.status} in ('active', 'retired')`),
    check('screening_lists_max_shrink_bps_check', sql`${table.maxShrinkBps} between 0 and 10000`),
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
    /** Names and numbers of all entries together; null for what was imported before they were counted. */
    nameCount: integer('name_count'),
    identifierCount: integer('identifier_count'),
    /** Names that nobody can be compared with. */
    unreadableCount: integer('unreadable_count'),
    addedCount: integer('added_count').notNull(),
    changedCount: integer('changed_count').notNull(),
    removedCount: integer('removed_count').notNull(),
    refusal: text('refusal'),
    importedBy: text('imported_by').notNull(),
    importedAt: instant('imported_at').notNull(),
    /** The version it was compared with. */
    baseVersionId: uuid('base_version_id'),
    /** Entries of which something stays that the file no longer has, until a second person agreed. */
    heldCount: integer('held_count').notNull().default(0),
    /** SHA-256 over its differences; what whoever lets it through has seen. */
    diffHash: digest('diff_hash'),
    source: text('source').notNull().default('upload'),
    sourceUrls: jsonb('source_urls').$type<Readonly<Record<string, string>>>(),
    parserVersion: text('parser_version'),
    bytes: integer('bytes'),
    approvalId: uuid('approval_id'),
  },
  (table) => [
    index('list_versions_list_id_idx').on(table.listId, table.importedAt),
    check('list_versions_source_check', sql`${table.source} in ('upload', 'fetch', 'command')`),
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
    /** SHA-256 of what screening reads of it; null for what was imported before this was kept. */
    screeningHash: digest('screening_hash'),
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
    /** The whitelist entry by which two people said that this is somebody else. */
    suppressedBy: uuid('suppressed_by'),
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

/**
 * Something to look at. One that is open takes in every further hit of its `dedupKey`, so that nobody looks at
 * one thing twice; closing one that stops money as a false positive is what sets the gate back to clear.
 */
export const amlAlerts = pgTable(
  'aml_alerts',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').references(() => users.id),
    /** The check that raised it first; null where none did. */
    screeningId: uuid('screening_id').references(() => screenings.id),
    status: amlAlertStatus('status').notNull(),
    severity: text('severity').notNull(),
    assigneeId: uuid('assignee_id'),
    disposition: amlDisposition('disposition'),
    reason: text('reason'),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    resolvedAt: instant('resolved_at'),
    resolvedBy: uuid('resolved_by'),
    kind: text('kind').notNull().default('sanctions'),
    /** Whether it keeps the gate shut until somebody looked (`stop`), or only asks for a look (`review`). */
    effect: text('effect').notNull().default('stop'),
    /** What makes a further hit one of this; null for what was raised before hits were gathered, but the newest. */
    dedupKey: text('dedup_key'),
    /** What raised it, where that is not a screening: a list version, a payment, a rule. */
    sourceRef: text('source_ref'),
    caseId: uuid('case_id').references(() => amlCases.id),
    dueAt: instant('due_at'),
    overdueAt: instant('overdue_at'),
    occurrences: integer('occurrences').notNull().default(1),
    lastSeenAt: instant('last_seen_at'),
    points: integer('points').notNull().default(0),
    /** What somebody asked to close it as, while another person has not agreed yet. */
    proposedDisposition: amlDisposition('proposed_disposition'),
    closeApprovalId: uuid('close_approval_id'),
  },
  (table) => [
    index('aml_alerts_status_idx').on(table.status, table.createdAt),
    index('aml_alerts_user_id_idx').on(table.userId),
    index('aml_alerts_screening_id_idx').on(table.screeningId),
    index('aml_alerts_due_at_idx').on(table.dueAt).where(sql`${table.status} <> 'resolved'`),
    index('aml_alerts_case_id_idx').on(table.caseId),
    uniqueIndex('aml_alerts_open_key')
      .on(table.userId, table.dedupKey)
      .where(sql`${table.status} <> 'resolved'`),
    uniqueIndex('aml_alerts_open_nobody_key')
      .on(table.dedupKey)
      .where(sql`${table.status} <> 'resolved' and ${table.userId} is null`),
    check(
      'aml_alerts_kind_check',
      sql`${table.kind} in ('sanctions', 'pep', 'adverse_media', 'internal_list', 'screening_error', 'third_party',
        'monitoring', 'market_abuse', 'list', 'provider', 'manual')`,
    ),
    check('aml_alerts_effect_check', sql`${table.effect} in ('stop', 'review')`),
    check('aml_alerts_severity_check', sql`${table.severity} in ('low', 'medium', 'high', 'critical')`),
    check(
      'aml_alerts_proposed_check',
      sql`(${table.closeApprovalId} is null) = (${table.proposedDisposition} is null)`,
    ),
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
