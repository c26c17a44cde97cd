/**
 * Keys at rest, all of them wrapped by a root key: the installation's own, further versions of people's,
 * and how far each rotation has come. A key is never overwritten, only followed by another.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  index,
  pgEnum,
  pgTable,
  primaryKey,
  uniqueIndex,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core';
import { ciphertext, digest, instant } from '../db/columns.ts';
import { internalRows, ownedBy } from '../db/policies.ts';
import { personKeys } from '../db/schema.ts';

/** One purpose each, so that no key serves two. */
export const keyPurpose = pgEnum('key_purpose', ['house', 'blind_index', 'cursor', 'row_mac', 'token_mac']);

/** `next` opens but does not seal yet, until every node knows it; `retired` opens what is left under it. */
export const keyStatus = pgEnum('key_status', ['next', 'active', 'retired']);

export const rotationStatus = pgEnum('rotation_status', ['running', 'done']);

/** The keys that belong to no person; imported from the oldest root key when a database is first opened. */
export const installationKeys = pgTable(
  'installation_keys',
  {
    id: uuid('id').primaryKey(),
    purpose: keyPurpose('purpose').notNull(),
    keyId: digest('key_id').notNull(),
    wrappedKey: ciphertext('wrapped_key').notNull(),
    status: keyStatus('status').notNull(),
    createdAt: instant('created_at').notNull(),
    activatedAt: instant('activated_at'),
    retiredAt: instant('retired_at'),
  },
  (table) => [
    uniqueIndex('installation_keys_active_key').on(table.purpose).where(sql`${table.status} = 'active'`),
    uniqueIndex('installation_keys_next_key').on(table.purpose).where(sql`${table.status} = 'next'`),
    check(
      'installation_keys_status_check',
      sql`(${table.status} = 'next') = (${table.activatedAt} is null)
        and (${table.status} = 'retired') = (${table.retiredAt} is not null)`,
    ),
    ...internalRows('installation_keys'),
  ],
);

/** A person's data keys beside the one in use; erasure takes them with it. */
export const personKeyVersions = pgTable(
  'person_key_versions',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => personKeys.userId, { onDelete: 'cascade' }),
    keyId: digest('key_id').notNull(),
    wrappedKey: ciphertext('wrapped_key').notNull(),
    status: keyStatus('status').notNull(),
    createdAt: instant('created_at').notNull(),
    retiredAt: instant('retired_at'),
  },
  (table) => [
    primaryKey({ name: 'person_key_versions_pkey', columns: [table.userId, table.keyId] }),
    uniqueIndex('person_key_versions_next_key').on(table.userId).where(sql`${table.status} = 'next'`),
    index('person_key_versions_created_at_idx').on(table.createdAt),
    check(
      'person_key_versions_status_check',
      sql`${table.status} in ('next', 'retired')
        and (${table.status} = 'retired') = (${table.retiredAt} is not null)`,
    ),
    ...ownedBy('person_key_versions', table.userId),
  ],
);

/** How far a rotation has come in one column, so that one broken off goes on where it was. */
export const keyRotations = pgTable(
  'key_rotations',
  {
    id: uuid('id').primaryKey(),
    kind: varchar('kind', { length: 16 }).notNull(),
    tableName: varchar('table_name', { length: 63 }).notNull(),
    columnName: varchar('column_name', { length: 63 }).notNull(),
    toKeyId: digest('to_key_id'),
    status: rotationStatus('status').notNull(),
    lastRowId: varchar('last_row_id', { length: 2000 }),
    rowsDone: bigint('rows_done', { mode: 'number' }).notNull(),
    startedAt: instant('started_at').notNull(),
    heartbeatAt: instant('heartbeat_at').notNull(),
    finishedAt: instant('finished_at'),
  },
  (table) => [
    uniqueIndex('key_rotations_running_key')
      .on(table.kind, table.tableName, table.columnName)
      .where(sql`${table.status} = 'running'`),
    check('key_rotations_rows_done_check', sql`${table.rowsDone} >= 0`),
    check(
      'key_rotations_finished_check',
      sql`(${table.status} = 'done') = (${table.finishedAt} is not null)`,
    ),
    ...internalRows('key_rotations'),
  ],
);
