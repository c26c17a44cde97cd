/**
 * A database of its own for each test file, copied from one that the test runner migrated. The runtime
 * logins are the production ones, so row-level security and grants hold in tests as they do outside.
 */
import postgres from 'postgres';
import { type Connection, type Login, openClient } from '../platform/db/client.ts';
import { sandboxConnections } from '../platform/db/sandbox-logins.ts';

/** What the test runner tells the tests, as JSON in the environment. */
export type TestCluster = {
  /** The owner, in a database that is neither the template nor a test's. */
  readonly owner: Connection;
  /** The start of every database's name in this run. */
  readonly prefix: string;
  readonly template: string;
};

export type TestDatabase = {
  readonly name: string;
  /** The migrator: owns every table, is bound by forced row-level security, makes no test easier. */
  readonly owner: Connection;
  readonly connections: Readonly<Record<Login, Connection>>;
  drop(): Promise<void>;
};

export const TEST_CLUSTER_VARIABLE = 'PLIMSOLL_TEST_CLUSTER';

const NAME_MAX_BYTES = 63;
const IN_USE = '55006';
const RETRIES = 40;

/**
 * Copies the migrated template.
 * @effects CREATE DATABASE; the caller drops it, and the runner drops what was left
 */
export async function createTestDatabase(hint: string): Promise<TestDatabase> {
  return createFrom(testCluster().template, hint);
}

/**
 * A database without a table, for tests of the migrations themselves.
 * @effects CREATE DATABASE; the caller drops it, and the runner drops what was left
 */
export async function createEmptyDatabase(hint: string): Promise<TestDatabase> {
  return createFrom('template0', hint);
}

async function createFrom(template: string, hint: string): Promise<TestDatabase> {
  const cluster = testCluster();
  const name = databaseName(cluster.prefix, hint);
  await whenUnused(cluster.owner, (sql) => sql`CREATE DATABASE ${sql(name)} TEMPLATE ${sql(template)}`);
  const owner = { ...cluster.owner, database: name };
  return {
    name,
    owner,
    connections: sandboxConnections(owner),
    drop: () => whenUnused(cluster.owner, (sql) => sql`DROP DATABASE IF EXISTS ${sql(name)}`),
  };
}

function testCluster(): TestCluster {
  const text = process.env[TEST_CLUSTER_VARIABLE];
  if (text === undefined) {
    throw new Error('this test needs a database: run it with `bun run test FILE`, not with `bun test`');
  }
  return JSON.parse(text) as TestCluster;
}

function databaseName(prefix: string, hint: string): string {
  const unique = crypto.randomUUID().slice(0, 8);
  const words = hint.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');
  return `${prefix}${words.slice(0, NAME_MAX_BYTES - prefix.length - 9)}_${unique}`;
}

/** A closed connection's session lives on for some milliseconds, and one on either database refuses this. */
async function whenUnused(
  owner: Connection,
  command: (sql: postgres.Sql) => Promise<unknown>,
): Promise<void> {
  const sql = openClient(owner, 1);
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await command(sql);
        return;
      } catch (error) {
        const inUse = error instanceof postgres.PostgresError && error.code === IN_USE;
        if (!inUse || attempt === RETRIES) {
          throw error;
        }
      }
      await Bun.sleep(25);
    }
  } finally {
    await sql.end({ timeout: 5 });
  }
}
