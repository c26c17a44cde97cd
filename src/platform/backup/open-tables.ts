/**
 * Lets the owner fill the tables of an empty database as they were: triggers, row-level security and foreign
 * keys are put aside within one transaction and put back in it, so that no other session ever sees them open.
 * Foreign keys come back validated. The guard compares the result with what the migrations left.
 */
import type postgres from 'postgres';
import type { Partition } from './tables.ts';
import { quoted, quotedName } from './tables.ts';

/** What a database may not hold when it is restored into; a migrated one holds none of it. */
const FIRST_ROWS = ['audit_logs', 'journals', 'outbox', 'approvals', 'users'];

const ENABLED = { O: 'ENABLE', A: 'ENABLE ALWAYS', R: 'ENABLE REPLICA' } as const;

type TriggerState = { readonly relation: string; readonly name: string; readonly enabled: string };
type ForeignKey = { readonly relation: string; readonly name: string; readonly definition: string };

/**
 * Puts the guards of every table aside, runs `fill`, and puts them back.
 * @errors those of `fill`; SQLSTATE 23503 where rows do not fit together
 */
export async function withTablesOpen(tx: postgres.TransactionSql, fill: () => Promise<void>): Promise<void> {
  const relations = await tx<{ relation: string; forced: boolean }[]>`
    SELECT 'public.' || relname AS relation, relforcerowsecurity AS forced FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`;
  const triggers = await tx<TriggerState[]>`
    SELECT 'public.' || c.relname AS relation, t.tgname::text AS name, t.tgenabled::text AS enabled
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal AND t.tgenabled <> 'D'`;
  const keys = await tx<ForeignKey[]>`
    SELECT 'public.' || c.relname AS relation, k.conname::text AS name, pg_get_constraintdef(k.oid) AS definition
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE c.relnamespace = 'public'::regnamespace AND k.contype = 'f' AND k.conparentid = 0`;
  for (const { relation, forced } of relations) {
    await tx.unsafe(`ALTER TABLE ${quotedName(relation)} ${forced ? 'NO FORCE ROW LEVEL SECURITY,' : ''}
      DISABLE TRIGGER USER`);
  }
  for (const { relation, name } of keys) {
    await tx.unsafe(`ALTER TABLE ${quotedName(relation)} DROP CONSTRAINT ${quoted(name)}`);
  }
  await fill();
  for (const { relation, name, definition } of keys) {
    await tx.unsafe(`ALTER TABLE ${quotedName(relation)} ADD CONSTRAINT ${quoted(name)} ${definition}`);
  }
  for (const { relation, name, enabled } of triggers) {
    const state = ENABLED[enabled as keyof typeof ENABLED];
    await tx.unsafe(`ALTER TABLE ${quotedName(relation)} ${state} TRIGGER ${quoted(name)}`);
  }
  for (const { relation, forced } of relations) {
    if (forced) {
      await tx.unsafe(`ALTER TABLE ${quotedName(relation)} FORCE ROW LEVEL SECURITY`);
    }
  }
}

/** True where nothing happened in this database yet. Within `withTablesOpen` only: else rows are hidden. */
export async function isUnused(tx: postgres.TransactionSql): Promise<boolean> {
  for (const table of FIRST_ROWS) {
    const [row] = await tx`SELECT EXISTS (SELECT FROM ${tx(table)}) AS used`;
    if (row?.used !== false) {
      return false;
    }
  }
  return true;
}

/**
 * Makes the months a backup has rows of and a new database has not, each with the guards of the backstop.
 * @effects DDL; before `withTablesOpen`, which puts aside what is there
 */
export async function makePartitions(
  tx: postgres.TransactionSql,
  partitions: readonly Partition[],
): Promise<void> {
  for (const { parent, name, bound } of partitions) {
    const [found] = await tx`SELECT to_regclass(${`public.${name}`}) IS NOT NULL AS there`;
    if (found?.there === true) {
      continue;
    }
    const backstop = `public.${parent}_default`;
    const target = quotedName(`public.${name}`);
    await tx.unsafe(`CREATE TABLE ${target} PARTITION OF ${quotedName(`public.${parent}`)} ${bound}`);
    await tx.unsafe(`ALTER TABLE ${target} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`);
    const guards = await tx<{ name: string; definition: string; enabled: string }[]>`
      SELECT tgname::text AS name, pg_get_triggerdef(oid) AS definition, tgenabled::text AS enabled
      FROM pg_trigger WHERE tgrelid = ${backstop}::regclass AND NOT tgisinternal AND tgparentid = 0`;
    for (const guard of guards) {
      await tx.unsafe(guard.definition.replace(` ON ${backstop} `, ` ON ${target} `));
      const state = ENABLED[guard.enabled as keyof typeof ENABLED];
      await tx.unsafe(`ALTER TABLE ${target} ${state} TRIGGER ${quoted(guard.name)}`);
    }
  }
}
