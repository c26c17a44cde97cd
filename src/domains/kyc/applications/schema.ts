/**
 * What an application needs and what became of each part of it. Requirements are rows in versioned sets, put in
 * force by two people (I9); declarations and the history are append-only (I4); what names a person is ciphertext
 * under the applicant's key (I10).
 */
import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { ciphertext, digest, instant } from '../../../platform/db/columns.ts';
import { ownedBy, publishedRows, readByOwner, writtenByAll } from '../../../platform/db/policies.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { kycLevel, users } from '../../identity/schema.ts';
import { kycApplications, kycDocuments } from '../schema.ts';

/** What all requirements were at a time; one set is in force. */
export const kycRequirementSets = pgTable(
  'kyc_requirement_sets',
  {
    id: uuid('id').primaryKey(),
    version: integer('version').notNull().unique('kyc_requirement_sets_version_key'),
    status: text('status').notNull(),
    createdBy: uuid('created_by'),
    createdAt: instant('created_at').notNull(),
    approvalId: uuid('approval_id').references(() => approvals.id),
    activatedAt: instant('activated_at'),
    /** Who owns at least so much of a legal person has to be named, down to the people. @units 1–10,000 */
    beneficialOwnerBps: integer('beneficial_owner_bps').notNull().default(2_000),
  },
  (table) => [
    uniqueIndex('kyc_requirement_sets_active_key').on(table.status).where(sql`${table.status} = 'active'`),
    index('kyc_requirement_sets_approval_id_idx').on(table.approvalId),
    check('kyc_requirement_sets_status_check', sql`${table.status} in ('draft', 'active', 'retired')`),
    check(
      'kyc_requirement_sets_beneficial_owner_bps_check',
      sql`${table.beneficialOwnerBps} between 1 and 10000`,
    ),
    ...publishedRows('kyc_requirement_sets'),
  ],
);

/** One thing that somebody of a kind must show; append-only, a set is replaced as a whole. */
export const kycRequirements = pgTable(
  'kyc_requirements',
  {
    id: uuid('id').primaryKey(),
    setVersion: integer('set_version')
      .notNull()
      .references(() => kycRequirementSets.version),
    level: kycLevel('level').notNull(),
    /** Of a natural or legal person, or of each natural person behind a legal one. */
    applicantKind: text('applicant_kind').notNull(),
    /** ISO 3166-1 alpha-3; null for everybody. */
    nationality: text('nationality'),
    /** Null for every risk. */
    riskLevel: text('risk_level'),
    /** Only for who is politically exposed. */
    onlyPep: boolean('only_pep').notNull().default(false),
    /** What it is called, such as `identity`. */
    item: text('item').notNull(),
    /** Any one of these meets it: types of document, or `declaration:` and a kind. */
    alternatives: jsonb('alternatives').$type<readonly string[]>().notNull(),
    /** How old a document may be on the day it is handed in. @units days */
    maxAgeDays: integer('max_age_days'),
  },
  (table) => [
    index('kyc_requirements_set_version_idx').on(table.setVersion, table.level),
    check(
      'kyc_requirements_applicant_kind_check',
      sql`${table.applicantKind} in ('natural', 'legal', 'party')`,
    ),
    check('kyc_requirements_nationality_check', sql`${table.nationality} ~ '^[A-Z]{3}$'`),
    check('kyc_requirements_risk_level_check', sql`${table.riskLevel} in ('low', 'medium', 'high')`),
    check('kyc_requirements_item_check', sql`${table.item} ~ '^[a-z][a-z0-9_]{1,60}$'`),
    check('kyc_requirements_max_age_days_check', sql`${table.maxAgeDays} > 0`),
    ...publishedRows('kyc_requirements'),
  ],
);

/** What an application had to show when it was handed in, and what the review says of each. */
export const kycItems = pgTable(
  'kyc_items',
  {
    id: uuid('id').primaryKey(),
    applicationId: uuid('application_id')
      .notNull()
      .references(() => kycApplications.id),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    item: text('item').notNull(),
    alternatives: jsonb('alternatives').$type<readonly string[]>().notNull(),
    status: text('status').notNull(),
    documentId: uuid('document_id').references(() => kycDocuments.id),
    declarationId: uuid('declaration_id').references(() => kycDeclarations.id),
    /** Why it has to be shown again; its applicant reads it. */
    reasonCode: text('reason_code'),
    decidedBy: uuid('decided_by'),
    decidedAt: instant('decided_at'),
    version: integer('version').notNull().default(1),
    /** Whom behind a legal person it is about; null for the applicant. */
    partyId: uuid('party_id').references(() => kycParties.id),
  },
  (table) => [
    uniqueIndex('kyc_items_application_id_key').on(table.applicationId, table.item),
    index('kyc_items_user_id_idx').on(table.userId, table.id),
    index('kyc_items_document_id_idx').on(table.documentId),
    index('kyc_items_declaration_id_idx').on(table.declarationId),
    index('kyc_items_party_id_idx').on(table.partyId),
    check(
      'kyc_items_status_check',
      sql`${table.status} in ('provided', 'accepted', 'resubmit', 'waived', 'dropped')`,
    ),
    check(
      'kyc_items_reason_code_check',
      sql`${table.reasonCode} in ('unreadable', 'expired', 'too_old', 'wrong_document', 'differs_from_declared',
        'incomplete', 'not_genuine', 'other')`,
    ),
    check('kyc_items_decided_by_check', sql`${table.decidedBy} <> ${table.userId}`),
    ...ownedBy('kyc_items', table.userId),
  ],
);

/** What an applicant said in a form of its own; the newest revision counts (append-only). */
export const kycDeclarations = pgTable(
  'kyc_declarations',
  {
    id: uuid('id').primaryKey(),
    applicationId: uuid('application_id')
      .notNull()
      .references(() => kycApplications.id),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    kind: text('kind').notNull(),
    revision: integer('revision').notNull(),
    /** Sealed JSON. */
    content: ciphertext('content').notNull(),
    declaredAt: instant('declared_at').notNull(),
  },
  (table) => [
    uniqueIndex('kyc_declarations_revision_key').on(table.applicationId, table.kind, table.revision),
    index('kyc_declarations_user_id_idx').on(table.userId, table.id),
    check(
      'kyc_declarations_kind_check',
      sql`${table.kind} in ('pep', 'beneficial_owner', 'tax_residence', 'fatca_crs', 'source_of_funds',
        'source_of_wealth', 'accuracy')`,
    ),
    ...ownedBy('kyc_declarations', table.userId),
  ],
);

/** Who stands behind a legal person: who directs it, signs for it, owns it. */
export const kycParties = pgTable(
  'kyc_parties',
  {
    id: uuid('id').primaryKey(),
    applicationId: uuid('application_id')
      .notNull()
      .references(() => kycApplications.id),
    /** The legal person's login. */
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    role: text('role').notNull(),
    kind: text('kind').notNull(),
    /** Sealed JSON: names, birth date, nationality, address, numbers. */
    details: ciphertext('details').notNull(),
    /** What it owns of its parent, or of the applicant. @units 0–10,000 */
    shareBps: integer('share_bps'),
    /** The owner through whom it owns; null where it owns directly. */
    parentId: uuid('parent_id'),
    addedAt: instant('added_at').notNull(),
    removedAt: instant('removed_at'),
    /** Blind index of a person's name and birth date, or of an organisation's country and number. */
    identityIndex: digest('identity_index'),
  },
  (table) => [
    foreignKey({ name: 'kyc_parties_parent_id_fkey', columns: [table.parentId], foreignColumns: [table.id] }),
    index('kyc_parties_application_id_idx').on(table.applicationId, table.id),
    index('kyc_parties_user_id_idx').on(table.userId, table.id),
    index('kyc_parties_parent_id_idx').on(table.parentId),
    index('kyc_parties_identity_index_idx').on(table.identityIndex),
    check(
      'kyc_parties_role_check',
      sql`${table.role} in ('director', 'beneficial_owner', 'authorised_signatory', 'trustee', 'settlor',
        'beneficiary', 'protector')`,
    ),
    check('kyc_parties_kind_check', sql`${table.kind} in ('person', 'organisation')`),
    check('kyc_parties_share_bps_check', sql`${table.shareBps} between 1 and 10000`),
    ...ownedBy('kyc_parties', table.userId),
  ],
);

/** What happened to an application, in order (append-only); its applicant reads what is meant for them. */
export const kycApplicationEvents = pgTable(
  'kyc_application_events',
  {
    id: uuid('id').primaryKey(),
    applicationId: uuid('application_id')
      .notNull()
      .references(() => kycApplications.id),
    userId: uuid('user_id').notNull(),
    type: text('type').notNull(),
    fromStatus: text('from_status'),
    toStatus: text('to_status').notNull(),
    actorKind: text('actor_kind').notNull(),
    actorId: text('actor_id').notNull(),
    /** Codes only. */
    detail: jsonb('detail').notNull().default({}),
    /** Sealed text: what a reviewer wrote, under the applicant's key. */
    note: ciphertext('note'),
    customerVisible: boolean('customer_visible').notNull(),
    at: instant('at').notNull(),
  },
  (table) => [
    index('kyc_application_events_application_id_idx').on(table.applicationId, table.id),
    index('kyc_application_events_user_id_idx').on(table.userId, table.id),
    check(
      'kyc_application_events_type_check',
      sql`${table.type} in ('created', 'edited', 'submitted', 'withdrawn', 'assigned', 'item_decided',
        'senior_asked', 'senior_refused', 'provider', 'decided')`,
    ),
    ...writtenByAll('kyc_application_events', table.userId),
    readByOwner('kyc_application_events', table.userId, sql`${table.customerVisible}`),
  ],
);
