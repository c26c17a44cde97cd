/**
 * Who a customer is, as evidence: applications, documents, decisions. Decisions are append-only
 * (I4). Identifiers and document files are ciphertext under the person's key (I10).
 */
import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { ciphertext, digest, instant } from '../../platform/db/columns.ts';
import { internalRows, ownedBy } from '../../platform/db/policies.ts';
import { approvals, files } from '../../platform/db/schema.ts';
import { kycLevel, users } from '../identity/schema.ts';

export const kycApplicationStatus = pgEnum('kyc_application_status', [
  'draft',
  'submitted',
  'under_review',
  'approved',
  'rejected',
  'resubmission_required',
  'withdrawn',
]);

export const kycApplications = pgTable(
  'kyc_applications',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    level: kycLevel('level').notNull(),
    status: kycApplicationStatus('status').notNull(),
    /** Sealed JSON: what the applicant declared (names, birth date, address, purpose, funds, PEP). */
    declaration: ciphertext('declaration').notNull(),
    provider: text('provider').notNull(),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    submittedAt: instant('submitted_at'),
    decidedAt: instant('decided_at'),
    applicantKind: text('applicant_kind').notNull().default('natural'),
    /** Sealed JSON: the legal person for whom the declaring one acts; null for a natural one. */
    company: ciphertext('company'),
    /** Which set of requirements it was handed in under. */
    requirementSet: integer('requirement_set'),
    /** Of somebody who is approved at a lower level and stays so meanwhile. */
    isUpgrade: boolean('is_upgrade').notNull().default(false),
    /** Whether one reviewer may not approve it alone; why is said in the decision. */
    needsSenior: boolean('needs_senior').notNull().default(false),
    /** Higher comes first in the queue. */
    priority: smallint('priority').notNull().default(0),
    dueAt: instant('due_at'),
    assigneeId: uuid('assignee_id').references(() => users.id),
    assignedAt: instant('assigned_at'),
    /** Why it was not approved, in words that its applicant may read. */
    reasonCode: text('reason_code'),
    /** Blind index of name and birth date as declared. */
    identityIndex: digest('identity_index'),
    /** Sealed JSON: what was declared, and for which legal person, when it was handed in last; what is edited since is not in it. */
    handedIn: ciphertext('handed_in'),
    /** When what was handed in last was held against the lists; null before that. */
    screenedAt: instant('screened_at'),
    /** Blind index of a legal person's country and registration number. */
    companyIndex: digest('company_index'),
  },
  (table) => [
    uniqueIndex('kyc_applications_open_key')
      .on(table.userId)
      .where(sql`${table.status} in ('draft', 'submitted', 'under_review', 'resubmission_required')`),
    index('kyc_applications_user_id_idx').on(table.userId, table.id),
    index('kyc_applications_status_idx').on(table.status, table.submittedAt),
    index('kyc_applications_queue_idx')
      .on(sql`${table.priority} desc`, table.dueAt, table.id)
      .where(sql`${table.status} in ('submitted', 'under_review')`),
    index('kyc_applications_assignee_id_idx').on(table.assigneeId),
    index('kyc_applications_identity_index_idx').on(table.identityIndex),
    index('kyc_applications_company_index_idx').on(table.companyIndex),
    check(
      'kyc_applications_applicant_kind_check',
      sql`${table.applicantKind} = case when ${table.company} is null then 'natural' else 'legal' end`,
    ),
    check(
      'kyc_applications_reason_code_check',
      sql`${table.reasonCode} in ('identity_not_verified', 'document_unreadable', 'document_expired',
        'information_incomplete', 'not_eligible')`,
    ),
    check('kyc_applications_assignee_id_check', sql`${table.assigneeId} <> ${table.userId}`),
    ...ownedBy('kyc_applications', table.userId),
  ],
);

export const kycDocumentType = pgEnum('kyc_document_type', [
  'passport',
  'national_id',
  'driving_licence',
  'residence_permit',
  'proof_of_address',
  'source_of_funds',
  'source_of_wealth',
  'selfie',
  'certificate_of_incorporation',
  'register_of_directors',
  'register_of_members',
  'memorandum',
  'board_resolution',
]);
export const kycDocumentStatus = pgEnum('kyc_document_status', [
  'uploaded',
  'accepted',
  'rejected',
  'expired',
]);

export const kycDocuments = pgTable(
  'kyc_documents',
  {
    id: uuid('id').primaryKey(),
    applicationId: uuid('application_id')
      .notNull()
      .references(() => kycApplications.id),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    type: kycDocumentType('type').notNull(),
    status: kycDocumentStatus('status').notNull(),
    fileId: uuid('file_id')
      .notNull()
      .references(() => files.id),
    number: ciphertext('number'),
    numberIndex: digest('number_index'),
    issuingCountry: text('issuing_country'),
    issuedOn: text('issued_on'),
    expiresOn: text('expires_on'),
    rejectionReason: text('rejection_reason'),
    uploadedAt: instant('uploaded_at').notNull(),
    side: text('side'),
    /** Sealed text: the machine-readable zone as it was given. */
    mrz: ciphertext('mrz'),
    /** Keyed hash of the content, which finds the same file again. */
    contentIndex: digest('content_index'),
    /** @units pixels; null for what is no picture */
    width: integer('width'),
    height: integer('height'),
    pageCount: integer('page_count'),
    /** When its applicant took it back; such a document counts for nothing. */
    removedAt: instant('removed_at'),
    reviewedBy: uuid('reviewed_by'),
    reviewedAt: instant('reviewed_at'),
    /** Whom behind a legal person it is of; null for the one who declares. */
    partyId: uuid('party_id'),
  },
  (table) => [
    index('kyc_documents_application_id_idx').on(table.applicationId),
    index('kyc_documents_user_id_idx').on(table.userId),
    index('kyc_documents_file_id_idx').on(table.fileId),
    index('kyc_documents_number_index_idx').on(table.numberIndex),
    index('kyc_documents_content_index_idx').on(table.contentIndex),
    index('kyc_documents_party_id_idx').on(table.partyId),
    check('kyc_documents_side_check', sql`${table.side} in ('front', 'back', 'single')`),
    check(
      'kyc_documents_issuing_country_check',
      sql`${table.issuingCountry} is null or ${table.issuingCountry} ~ '^[A-Z]{3}$'`,
    ),
    ...ownedBy('kyc_documents', table.userId),
  ],
);

export const kycDecisionOutcome = pgEnum('kyc_decision_outcome', [
  'approved',
  'rejected',
  'resubmission_required',
]);

/** Append-only (I4): what was decided, by whom, on what evidence. Customers never read it. */
export const kycDecisions = pgTable(
  'kyc_decisions',
  {
    id: uuid('id').primaryKey(),
    applicationId: uuid('application_id')
      .notNull()
      .references(() => kycApplications.id),
    userId: uuid('user_id').notNull(),
    outcome: kycDecisionOutcome('outcome').notNull(),
    reason: text('reason').notNull(),
    evidence: jsonb('evidence').notNull(),
    decidedBy: uuid('decided_by').notNull(),
    decidedAt: instant('decided_at').notNull(),
    /** Why its applicant is told it was not approved. */
    reasonCode: text('reason_code'),
    /** The agreement of the senior person, where one reviewer may not approve alone. */
    approvalId: uuid('approval_id').references(() => approvals.id),
    /** Which rule saw what and said what: codes only. */
    explanation: jsonb('explanation').notNull().default([]),
  },
  (table) => [
    index('kyc_decisions_application_id_idx').on(table.applicationId),
    index('kyc_decisions_approval_id_idx').on(table.approvalId),
    check('kyc_decisions_decided_by_check', sql`${table.decidedBy} <> ${table.userId}`),
    ...internalRows('kyc_decisions'),
  ],
);

/**
 * What a level is called; rows, not code (I9). `required_documents` is what the first set of requirements was made
 * from; what counts is the active set.
 */
export const kycLevels = pgTable('kyc_levels', {
  level: kycLevel('level').primaryKey(),
  name: text('name').notNull(),
  requiredDocuments: jsonb('required_documents').notNull(),
  description: text('description').notNull(),
});
