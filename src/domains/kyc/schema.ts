/**
 * Who a customer is, as evidence: applications, documents, decisions. Decisions are append-only
 * (I4). Identifiers and document files are ciphertext under the person's key (I10).
 */
import { sql } from 'drizzle-orm';
import { check, index, integer, jsonb, pgEnum, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { ciphertext, digest, instant } from '../../platform/db/columns.ts';
import { internalRows, ownedBy } from '../../platform/db/policies.ts';
import { files } from '../../platform/db/schema.ts';
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
  },
  (table) => [
    uniqueIndex('kyc_applications_open_key')
      .on(table.userId)
      .where(sql`${table.status} in ('draft', 'submitted', 'under_review', 'resubmission_required')`),
    index('kyc_applications_user_id_idx').on(table.userId, table.id),
    index('kyc_applications_status_idx').on(table.status, table.submittedAt),
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
  },
  (table) => [
    index('kyc_documents_application_id_idx').on(table.applicationId),
    index('kyc_documents_user_id_idx').on(table.userId),
    index('kyc_documents_file_id_idx').on(table.fileId),
    index('kyc_documents_number_index_idx').on(table.numberIndex),
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
  },
  (table) => [
    index('kyc_decisions_application_id_idx').on(table.applicationId),
    check('kyc_decisions_decided_by_check', sql`${table.decidedBy} <> ${table.userId}`),
    ...internalRows('kyc_decisions'),
  ],
);

/** What a level asks for and allows; seeded rows, not code (I9). */
export const kycLevels = pgTable('kyc_levels', {
  level: kycLevel('level').primaryKey(),
  name: text('name').notNull(),
  requiredDocuments: jsonb('required_documents').notNull(),
  description: text('description').notNull(),
});
