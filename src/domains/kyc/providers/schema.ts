/**
 * What providers of identity checks say, as evidence: none of it decides on anybody. The events of a provider and
 * the copies of its pictures happen once each; a decision is ciphertext under the person's key (I10). A sibling of
 * the payment providers' inbox, which stands in funding, where KYC may not look.
 */
import { sql } from 'drizzle-orm';
import { check, index, integer, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { ciphertext, digest, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { users } from '../../identity/schema.ts';
import { kycApplications, kycDocuments } from '../schema.ts';

export const kycProviderSessions = pgTable(
  'kyc_provider_sessions',
  {
    id: uuid('id').primaryKey(),
    applicationId: uuid('application_id')
      .notNull()
      .references(() => kycApplications.id),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    provider: text('provider').notNull(),
    /** The provider's own name for it. */
    sessionRef: text('session_ref').notNull(),
    /** Sealed: where the applicant goes on; whoever has it may act as them there. */
    url: ciphertext('url').notNull(),
    status: text('status').notNull(),
    /** Sealed JSON: what the provider answered last. */
    decision: ciphertext('decision'),
    decisionHash: digest('decision_hash'),
    /** What a reviewer should look at; codes only. */
    findings: jsonb('findings').$type<readonly string[]>().notNull().default([]),
    createdAt: instant('created_at').notNull(),
    /** When it is asked about next, by the real clock; null once there is nothing more to learn. */
    nextFetchAt: instant('next_fetch_at'),
    failures: integer('failures').notNull().default(0),
    fetchedAt: instant('fetched_at'),
    version: integer('version').notNull().default(1),
  },
  (table) => [
    uniqueIndex('kyc_provider_sessions_session_ref_key').on(table.provider, table.sessionRef),
    index('kyc_provider_sessions_application_id_idx').on(table.applicationId, table.id),
    index('kyc_provider_sessions_user_id_idx').on(table.userId, table.id),
    index('kyc_provider_sessions_next_fetch_at_idx').on(table.nextFetchAt),
    check(
      'kyc_provider_sessions_status_check',
      sql`${table.status} in ('not_started', 'in_progress', 'awaiting_user', 'in_review', 'approved', 'declined',
        'resubmitted', 'abandoned', 'expired', 'unknown')`,
    ),
    ...internalRows('kyc_provider_sessions'),
  ],
);

/** Each event of a provider, once; what it says of a person is not kept, the provider is asked instead. */
export const kycProviderEvents = pgTable(
  'kyc_provider_events',
  {
    id: uuid('id').primaryKey(),
    provider: text('provider').notNull(),
    eventId: text('event_id').notNull(),
    sessionRef: text('session_ref').notNull(),
    type: text('type').notNull(),
    bodyHash: digest('body_hash').notNull(),
    /** `taken` had its session asked about; `kept` names none that is known yet. */
    state: text('state').notNull(),
    receivedAt: instant('received_at').notNull(),
  },
  (table) => [
    uniqueIndex('kyc_provider_events_event_id_key').on(table.provider, table.eventId),
    index('kyc_provider_events_session_ref_idx').on(table.provider, table.sessionRef),
    check('kyc_provider_events_state_check', sql`${table.state} in ('taken', 'kept')`),
    ...internalRows('kyc_provider_events'),
  ],
);

/** The pictures of a session, which the provider shows for an hour: each is copied once. */
export const kycProviderImages = pgTable(
  'kyc_provider_images',
  {
    id: uuid('id').primaryKey(),
    sessionId: uuid('session_id')
      .notNull()
      .references(() => kycProviderSessions.id),
    userId: uuid('user_id').notNull(),
    /** Which of the pictures, such as `id_verifications.0.front_image`. */
    name: text('name').notNull(),
    status: text('status').notNull(),
    documentId: uuid('document_id').references(() => kycDocuments.id),
    attempts: integer('attempts').notNull().default(0),
    failure: text('failure'),
    createdAt: instant('created_at').notNull(),
    settledAt: instant('settled_at'),
  },
  (table) => [
    uniqueIndex('kyc_provider_images_name_key').on(table.sessionId, table.name),
    index('kyc_provider_images_user_id_idx').on(table.userId, table.id),
    index('kyc_provider_images_document_id_idx').on(table.documentId),
    check('kyc_provider_images_status_check', sql`${table.status} in ('waiting', 'copied', 'failed')`),
    ...internalRows('kyc_provider_images'),
  ],
);
