/**
 * Every column of the database is classified, sealed ones as what they are, and the page for readers is in
 * step. The database is the measure: a column nobody declared is found whatever the code says.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type postgres from 'postgres';
import { allDomains } from '../domains.ts';
import { openClient } from '../platform/db/client.ts';
import { inventoryPage, listedTables } from '../platform/db/inventory.ts';
import { platformInventory } from '../platform/db/platform-inventory.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

const inventories = [...platformInventory, ...allDomains.flatMap((domain) => domain.inventory ?? [])];
const classified: ReadonlyMap<string, string> = new Map(
  listedTables(inventories).flatMap(({ name, columns }) =>
    columns.map((column) => [`${name}.${column.name}`, column.classified] as const),
  ),
);

/** Whose tables are their own: pg-boss keeps jobs without personal data, drizzle the migrations. */
const FOREIGN_SCHEMAS = ['drizzle', 'pgboss'];

let database: TestDatabase;
let owner: postgres.Sql;

beforeAll(async () => {
  database = await createTestDatabase(import.meta.file);
  owner = openClient(database.owner, 1);
});
afterAll(async () => {
  await owner.end();
  await database.drop();
});

/** Every column there is, partitions folded into their table. */
async function stored(): Promise<{ column: string; type: string }[]> {
  const rows = await owner<{ column: string; type: string }[]>`
    select c.relname || '.' || a.attname as column, format_type(a.atttypid, a.atttypmod) as type
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    order by 1`;
  return [...rows];
}

async function unclassified(): Promise<string[]> {
  return (await stored()).map(({ column }) => column).filter((column) => !classified.has(column));
}

describe('the inventory', () => {
  test('classifies every column of the database, and no column that is not there', async () => {
    expect(await unclassified()).toEqual([]);
    const there = new Set((await stored()).map(({ column }) => column));
    expect([...classified.keys()].filter((column) => !there.has(column))).toEqual([]);
    expect(there.size).toBeGreaterThan(700);
  });

  test('finds a column that nobody classified', async () => {
    await owner`alter table accounts add column favourite_colour text`;
    expect(await unclassified()).toEqual(['accounts.favourite_colour']);
    await owner`alter table accounts drop column favourite_colour`;
  });

  test('says of all bytes how they are protected, and of nothing sealed that it is public', async () => {
    const bytes = (await stored()).filter(({ type }) => type === 'bytea');
    expect(bytes.length).toBeGreaterThan(60);
    for (const { column } of bytes) {
      expect([column, classified.get(column)]).toEqual([column, expect.stringMatching(/^\w+, /)]);
    }
    const sealed = [...classified].filter(([, kind]) => kind.includes('sealed'));
    expect(sealed.filter(([, kind]) => !/^(personal|secret), /.test(kind))).toEqual([]);
    expect(sealed.length).toBeGreaterThan(20);
  });

  test('knows each schema of the database', async () => {
    const rows = await owner<{ name: string }[]>`
      select nspname as name from pg_namespace where nspname !~ '^(pg_|information_schema)' order by 1`;
    expect(rows.map(({ name }) => name)).toEqual([...FOREIGN_SCHEMAS, 'public']);
  });

  test('is on the page as it is in the code', () => {
    const path = join(import.meta.dir, '../../docs/compliance/data-inventory.md');
    expect(readFileSync(path, 'utf8')).toBe(inventoryPage(inventories));
  });
});
