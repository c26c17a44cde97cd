/**
 * How long a search of the audit log takes with five million rows over thirteen months: twelve kinds of search,
 * each with ever other values, and the plan of each. The p99 of all must stay under 50 ms.
 * Usage: bun run bench search [--quick]
 * Exit 1 on a missed target, 2 on wrong use.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { searchStatements } from '../src/domains/audit/search-logs.ts';
import { present } from '../src/kernel/assert.ts';
import { newId } from '../src/kernel/id.ts';
import type { Instant } from '../src/kernel/time.ts';
import { machineCtx } from '../src/platform/context.ts';
import { type Connection, openClient } from '../src/platform/db/client.ts';
import { startEmbedded } from '../src/platform/db/embedded.ts';
import { applyMigrations } from '../src/platform/db/migrate.ts';
import { ensureSandboxPasswords } from '../src/platform/db/sandbox-logins.ts';
import { transact } from '../src/platform/db/transact.ts';
import { PLANTED_PEOPLE, plantAuditRows } from '../src/testing/plant-audit-rows.ts';
import { benchDeps } from './export-bench/server.ts';

const TARGET_P99_MS = 50;
const MONTHS = 13;
const SLICE = 50_000;
const PAGE = 51;

type Filters = Parameters<typeof searchStatements>[1];

/** What is searched by. */
const SHAPES: readonly (readonly [name: string, filters: (turn: number) => Filters])[] = [
  ['nothing', () => ({})],
  ['a time', (turn) => spanOf(turn)],
  ['the busiest person', () => ({ userId: personAt(0) })],
  ['a person', (turn) => ({ userId: personAt(1 + turn) })],
  ['a person, within a time', (turn) => ({ ...spanOf(turn), userId: personAt(1 + turn) })],
  ['an actor, a person', (turn) => ({ actorId: personAt(1 + turn) })],
  ['an actor, a key', (turn) => ({ actorId: `key-${turn}` })],
  ['a rare category', () => ({ category: 'security' })],
  ['a common category', () => ({ category: 'trading' })],
  ['a severity', () => ({ severity: 'critical' })],
  ['an event type', (turn) => ({ eventType: `bench.kind_${turn % 40}` })],
  ['a resource', (turn) => ({ resourceType: 'bench', resourceId: `resource-${turn}` })],
];

process.exit(await main(process.argv.slice(2)));

async function main(options: readonly string[]): Promise<number> {
  if (options.some((option) => option !== '--quick')) {
    process.stderr.write('Usage: bun run bench search [--quick]\n');
    return 2;
  }
  const quick = options.includes('--quick');
  const dataDir = mkdtempSync(join(tmpdir(), 'plimsoll-bench-search-'));
  const settings = ['shared_buffers=512MB', 'max_wal_size=8GB', 'synchronous_commit=off'];
  const server = await startEmbedded({ dataDir, maxConnections: 20, settings });
  try {
    return await run(server.owner, dataDir, quick ? 250_000 : 5_000_000, quick ? 20 : 100);
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function run(owner: Connection, dataDir: string, rows: number, runs: number): Promise<number> {
  await applyMigrations(owner);
  await ensureSandboxPasswords(owner);
  const deps = benchDeps(owner, dataDir);
  const ctx = machineCtx(deps, { kind: 'system', name: 'bench' }, newId());
  for (let first = 0; first < rows; first += SLICE) {
    await plantAuditRows(deps.db.engine, { rows: SLICE, months: MONTHS, first });
    process.stdout.write(`${first + SLICE} rows\n`);
  }
  const admin = openClient(owner, 1);
  await admin.unsafe('vacuum analyze audit_logs');
  await admin.end({ timeout: 5 });
  const all: number[] = [];
  for (const [name, filtersOf] of SHAPES) {
    const times: number[] = [];
    for (let turn = 0; turn < runs; turn += 1) {
      times.push(await searchMs(ctx, filtersOf(turn)));
    }
    all.push(...times);
    process.stdout.write(`${name.padEnd(26)} p50 ${ms(times, 0.5)}  p99 ${ms(times, 0.99)}\n`);
    process.stdout.write(`${await planOf(ctx, filtersOf(0))}\n`);
  }
  await deps.db.close();
  const p99 = percentile(all, 0.99);
  const measure = (id: string, value: number) => ({
    id,
    ours: Math.round(value * 100) / 100,
    unit: 'ms',
    runs: all.length,
    median: Math.round(percentile(all, 0.5) * 100) / 100,
    spread: Math.round((Math.max(...all) - Math.min(...all)) * 100) / 100,
  });
  const measures = [measure('search_p50_ms', percentile(all, 0.5)), measure('search_p99_ms', p99)];
  process.stdout.write(`${JSON.stringify({ name: 'search', measures })}\n`);
  return p99 < TARGET_P99_MS ? 0 : 1;
}

function personAt(at: number) {
  return present(PLANTED_PEOPLE[at % PLANTED_PEOPLE.length], 'there are people');
}

/** Ten days of one of the months. */
function spanOf(turn: number): { readonly from: Instant; readonly to: Instant } {
  const month = Temporal.Now.plainDateISO('UTC')
    .with({ day: 1 })
    .add({ months: turn % MONTHS });
  const at = (day: number) => `${month.with({ day }).toString()}T00:00:00.000000Z` as Instant;
  return { from: at(5), to: at(15) };
}

async function searchMs(ctx: Parameters<typeof transact>[0], filters: Filters): Promise<number> {
  return transact(ctx, 'engine', async (tx) => {
    const startedNs = Bun.nanoseconds();
    for (const statement of searchStatements(tx, filters, true, undefined, PAGE)) {
      await statement;
    }
    return (Bun.nanoseconds() - startedNs) / 1e6;
  });
}

async function planOf(ctx: Parameters<typeof transact>[0], filters: Filters): Promise<string> {
  return transact(ctx, 'engine', async (tx) => {
    const lines: string[] = [];
    for (const statement of searchStatements(tx, filters, true, undefined, PAGE)) {
      const rows = await tx.execute<Record<string, string>>(sql`explain (costs off) ${statement.getSQL()}`);
      lines.push(...rows.map((row) => `    ${row['QUERY PLAN']}`).slice(0, 6));
    }
    return lines.join('\n');
  });
}

function ms(times: readonly number[], share: number): string {
  return `${percentile(times, share).toFixed(1).padStart(7)} ms`;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
