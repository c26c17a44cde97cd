/**
 * What a backup holds of the database: every table the catalogue names, so that one added tomorrow is in it
 * without anybody's doing, but for those listed here with the reason.
 */
import type postgres from 'postgres';

/** A table as it is copied: generated columns are computed anew. */
export type BackupTable = {
  /** `schema.name`. */
  readonly name: string;
  readonly columns: readonly string[];
};

/** A month of a table that is cut by month. */
export type Partition = { readonly parent: string; readonly name: string; readonly bound: string };

/** Tables that no backup of the database holds, and why. */
export const NOT_IN_BACKUP: Readonly<Record<string, string>> = {
  'public.person_keys': 'backed up apart, so that a restore brings back nobody who was erased since',
  'public.person_key_versions': 'backed up apart, with the keys they came before or after',
  'public.rate_counters': 'not logged: after a crash everybody starts afresh',
  'public.guard_baseline': 'what the migrations left in the database that is restored into',
};

/** The tables of a backup of person keys: the keys in use, then those that were or will be. */
export const PERSON_KEY_TABLES: readonly string[] = ['public.person_keys', 'public.person_key_versions'];

/** A login that does not see every row would back up less than there is, and nobody would notice. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}

/**
 * Every table of the product, in the order of their names; of the job queue and the migrations none. A month of
 * the log that two people had archived is in its file, which the file store keeps and a backup copies.
 */
export async function listTables(sql: postgres.TransactionSql): Promise<readonly BackupTable[]> {
  const rows = await sql<{ name: string; columns: string[] }[]>`
    SELECT 'public.' || c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      AND c.relname NOT IN (SELECT 'audit_archive_' || m.month FROM archived_months() m)
    GROUP BY c.relname ORDER BY c.relname COLLATE "C"`;
  return rows.map(({ name, columns }) => ({ name, columns }));
}

/** Every month of every table that is cut by month, the backstops left out. */
export async function listPartitions(sql: postgres.TransactionSql): Promise<readonly Partition[]> {
  const rows = await sql<Partition[]>`
    SELECT p.relname::text AS parent, c.relname::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
    WHERE c.relispartition AND c.relnamespace = 'public'::regnamespace
      AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
    ORDER BY c.relname COLLATE "C"`;
  return rows.map(({ parent, name, bound }) => ({ parent, name, bound }));
}

/**
 * Row-level security hides rows without an error, so the login must have a policy over every row.
 * @errors BackupError naming the tables
 */
export async function requireEveryRow(sql: postgres.TransactionSql): Promise<void> {
  const hidden = await sql<{ name: string }[]>`
    SELECT c.relname::text AS name FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.relname NOT IN (SELECT 'audit_archive_' || m.month FROM archived_months() m)
      AND (NOT has_table_privilege(c.oid, 'SELECT') OR c.relrowsecurity AND (
        NOT EXISTS (SELECT FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = c.relname
          AND current_user = ANY (p.roles) AND p.cmd IN ('ALL', 'SELECT') AND p.qual = 'true'
          AND p.permissive = 'PERMISSIVE')
        OR EXISTS (SELECT FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = c.relname
          AND p.permissive = 'RESTRICTIVE')))
    ORDER BY 1`;
  if (hidden.length > 0) {
    throw new BackupError(
      `This login does not see every row of ${hidden.map(({ name }) => name).join(', ')}: use the engine's.`,
    );
  }
}

/** Quotes `schema.name` for a statement. */
export function quotedName(name: string): string {
  return name.split('.').map(quoted).join('.');
}

/** Quotes one identifier for a statement. */
export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
