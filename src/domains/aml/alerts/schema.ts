/**
 * What an alert is about and what became of it. An open alert takes in every further hit of its kind, so what
 * it is about grows; its history is append-only (I4). Internal: no customer's login may see any of it.
 */
import { sql } from 'drizzle-orm';
import { check, index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { ciphertext, digest, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { amlAlerts, listEntities, screeningLists, screenings } from '../schema.ts';

/** The listed entries that a person resembles, each once for every party of theirs. */
export const amlAlertItems = pgTable(
  'aml_alert_items',
  {
    alertId: uuid('alert_id')
      .notNull()
      .references(() => amlAlerts.id),
    listId: uuid('list_id')
      .notNull()
      .references(() => screeningLists.id),
    sourceId: text('source_id').notNull(),
    /** Who of a customer it is: empty for themselves, else the party. */
    party: text('party').notNull().default(''),
    /** The state of the entry that was seen last. */
    entityId: uuid('entity_id')
      .notNull()
      .references(() => listEntities.id),
    /** What screening read of it. */
    screeningHash: digest('screening_hash').notNull(),
    /** What screening read of the person, keyed. */
    subjectDigest: digest('subject_digest'),
    /** @units 0–10,000 */
    bestScoreBps: integer('best_score_bps').notNull(),
    firstSeenAt: instant('first_seen_at').notNull(),
    lastSeenAt: instant('last_seen_at').notNull(),
  },
  (table) => [
    primaryKey({
      name: 'aml_alert_items_pkey',
      columns: [table.alertId, table.listId, table.sourceId, table.party],
    }),
    index('aml_alert_items_list_id_idx').on(table.listId),
    index('aml_alert_items_entity_id_idx').on(table.entityId),
    ...internalRows('aml_alert_items'),
  ],
);

/** What happened to an alert, in order (append-only). */
export const amlAlertEvents = pgTable(
  'aml_alert_events',
  {
    id: uuid('id').primaryKey(),
    alertId: uuid('alert_id')
      .notNull()
      .references(() => amlAlerts.id),
    type: text('type').notNull(),
    actor: text('actor').notNull(),
    at: instant('at').notNull(),
    /** The screening that raised it, or raised it again. */
    screeningId: uuid('screening_id').references(() => screenings.id),
    /** Codes only. */
    data: jsonb('data').notNull().default({}),
    /** Sealed text: what somebody wrote, under the key of the person the alert is about, else the house's. */
    comment: ciphertext('comment'),
  },
  (table) => [
    index('aml_alert_events_alert_id_idx').on(table.alertId, table.at),
    index('aml_alert_events_screening_id_idx').on(table.screeningId),
    check(
      'aml_alert_events_type_check',
      sql`${table.type} in ('opened', 'seen_again', 'item_added', 'severity_raised', 'assigned', 'commented',
        'escalated', 'overdue', 'closing_requested', 'closing_refused', 'closed', 'linked')`,
    ),
    ...internalRows('aml_alert_events'),
  ],
);
