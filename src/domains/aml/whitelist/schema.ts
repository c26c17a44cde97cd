/**
 * Who is known not to be whom: one person against one state of one listed entry, for a time, as two people
 * agreed. A new state of the entry or of the person is not covered. Internal.
 */
import { sql } from 'drizzle-orm';
import { check, index, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { digest, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { users } from '../../identity/schema.ts';
import { amlAlerts, listEntities, screeningLists } from '../schema.ts';

export const whitelistEntries = pgTable(
  'whitelist_entries',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    party: text('party').notNull().default(''),
    listId: uuid('list_id')
      .notNull()
      .references(() => screeningLists.id),
    sourceId: text('source_id').notNull(),
    entityId: uuid('entity_id')
      .notNull()
      .references(() => listEntities.id),
    /** What screening read of the entry when two people looked. */
    screeningHash: digest('screening_hash').notNull(),
    /** What screening read of the person then, keyed; null once they were erased. */
    subjectDigest: digest('subject_digest'),
    alertId: uuid('alert_id').references(() => amlAlerts.id),
    approvalId: uuid('approval_id').notNull(),
    createdBy: uuid('created_by').notNull(),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    endedAt: instant('ended_at'),
    endedBy: text('ended_by'),
    endCause: text('end_cause'),
  },
  (table) => [
    uniqueIndex('whitelist_entries_standing_key')
      .on(table.userId, table.party, table.listId, table.sourceId)
      .where(sql`${table.endedAt} is null`),
    index('whitelist_entries_expires_at_idx').on(table.expiresAt).where(sql`${table.endedAt} is null`),
    index('whitelist_entries_ended_at_idx')
      .on(table.userId, table.endedAt)
      .where(sql`${table.endedAt} is not null`),
    index('whitelist_entries_list_id_idx').on(table.listId),
    index('whitelist_entries_alert_id_idx').on(table.alertId),
    index('whitelist_entries_entity_id_idx').on(table.entityId),
    check(
      'whitelist_entries_end_check',
      sql`(${table.endedAt} is null) = (${table.endCause} is null)
        and (${table.endCause} is null or ${table.endCause} in
          ('expired', 'entity_changed', 'subject_changed', 'revoked', 'true_match'))`,
    ),
    check('whitelist_entries_created_by_check', sql`${table.createdBy} <> ${table.userId}`),
    check('whitelist_entries_expires_at_check', sql`${table.expiresAt} > ${table.createdAt}`),
    ...internalRows('whitelist_entries'),
  ],
);
