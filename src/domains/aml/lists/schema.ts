/**
 * How the lists came to be what they are: what each version changed and every attempt to fetch one. Both are
 * append-only (I4). Internal: no customer's login may see any of it.
 */
import { sql } from 'drizzle-orm';
import { boolean, check, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { digest, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { listEntities, listVersions, screeningLists } from '../schema.ts';

/** The difference of a version from the one it was compared with, entry by entry. */
export const listVersionChanges = pgTable(
  'list_version_changes',
  {
    versionId: uuid('version_id')
      .notNull()
      .references(() => listVersions.id),
    sourceId: text('source_id').notNull(),
    change: text('change').notNull(),
    /** The entry as it is now; null where it is gone. */
    entityId: uuid('entity_id').references(() => listEntities.id),
    previousEntityId: uuid('previous_entity_id').references(() => listEntities.id),
    /** Whether what screening reads differs: what is false need not be screened again. */
    screeningChanged: boolean('screening_changed').notNull(),
  },
  (table) => [
    primaryKey({ name: 'list_version_changes_pkey', columns: [table.versionId, table.sourceId] }),
    index('list_version_changes_entity_id_idx').on(table.entityId),
    index('list_version_changes_previous_entity_id_idx').on(table.previousEntityId),
    check(
      'list_version_changes_change_check',
      sql`(${table.change} = 'added' and ${table.entityId} is not null and ${table.previousEntityId} is null)
        or (${table.change} = 'changed' and ${table.entityId} is not null and ${table.previousEntityId} is not null)
        or (${table.change} = 'removed' and ${table.entityId} is null and ${table.previousEntityId} is not null)`,
    ),
    ...internalRows('list_version_changes'),
  ],
);

/** Every attempt to fetch a list from its publisher, and what became of it. */
export const listFetches = pgTable(
  'list_fetches',
  {
    id: uuid('id').primaryKey(),
    listId: uuid('list_id')
      .notNull()
      .references(() => screeningLists.id),
    at: instant('at').notNull(),
    outcome: text('outcome').notNull(),
    /** A code: why it failed or was refused. */
    detail: text('detail'),
    status: integer('status'),
    bytes: integer('bytes'),
    fileHash: digest('file_hash'),
    versionId: uuid('version_id').references(() => listVersions.id),
    /** What the publisher calls this state, part by part; sent back to ask for a newer one. */
    etags: text('etags'),
  },
  (table) => [
    index('list_fetches_list_id_at_idx').on(table.listId, table.at),
    index('list_fetches_version_id_idx').on(table.versionId),
    check(
      'list_fetches_outcome_check',
      sql`${table.outcome} in ('activated', 'unchanged', 'waiting', 'refused', 'failed')`,
    ),
    ...internalRows('list_fetches'),
  ],
);
