/**
 * How long a search of the audit log takes with five million rows over thirteen months: by one condition and by
 * two, for what is common, rare or absent, its first page and one deep in the past, and timelines; as the login
 * of the staff. The p99 of every kind must stay under 50 ms.
 * Usage: bun run bench search [--quick]
 * Exit 1 on a missed target, 2 on wrong use.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRows } from '../src/domains/audit/search-logs.ts';
import type { LogFilters } from '../src/domains/audit/search-ways.ts';
import { readTimeline } from '../src/domains/audit/timeline.ts';
import type { TIMELINE_KINDS } from '../src/domains/audit/timeline-api.ts';
import { present } from '../src/kernel/assert.ts';
import { type Id, newId } from '../src/kernel/id.ts';
import type { Instant } from '../src/kernel/time.ts';
import { type Ctx, machineCtx } from '../src/platform/context.ts';
import { type Connection, openClient } from '../src/platform/db/client.ts';
import { startEmbedded } from '../src/platform/db/embedded.ts';
import { applyMigrations } from '../src/platform/db/migrate.ts';
import { ensureSandboxPasswords } from '../src/platform/db/sandbox-logins.ts';
import { transact } from '../src/platform/db/transact.ts';
import { signCursor } from '../src/platform/http/cursor.ts';
import {
  PLANTED_ACCOUNT,
  PLANTED_PEOPLE,
  PLANTED_RUN,
  plantAuditRows,
} from '../src/testing/plant-audit-rows.ts';
import { benchDeps } from './export-bench/server.ts';

const TARGET_P99_MS = 50;
const MONTHS = 13;
const SLICE = 50_000;
const PAGE = 50;

/** What is searched by. */
const SHAPES: readonly (readonly [name: string, filters: (turn: number) => LogFilters])[] = [
  ['nothing', () => ({})],
  ['a time', (turn) => spanOf(turn)],
  ['the busiest person', () => ({ userId: personAt(0) })],
  ['a person', (turn) => ({ userId: personAt(1 + turn) })],
  ['a person of long ago', () => ({ userId: personAt(999) })],
  ['a person, within a time', (turn) => ({ ...spanOf(turn), userId: personAt(1 + turn) })],
  ['a person, a severity', (turn) => ({ userId: personAt(turn), severity: 'critical' })],
  ['a person, an event type', (turn) => ({ userId: personAt(turn), eventType: `bench.kind_${turn % 40}` })],
  ['a person, what never was', (turn) => ({ userId: personAt(turn), eventType: 'bench.never' })],
  ['a person, an outcome', (turn) => ({ userId: personAt(turn), outcome: 'failed' })],
  ['an actor, a person', (turn) => ({ actorId: personAt(1 + turn) })],
  ['an actor, a key', (turn) => ({ actorId: `key-${turn}` })],
  ['an actor, a rare machine', () => ({ actorId: 'job:bench.rare' })],
  ['an actor, an event type', (turn) => ({ actorId: 'engine', eventType: `bench.kind_${turn % 40}` })],
  ['a rare category', () => ({ category: 'security' })],
  ['an absent category', () => ({ category: 'admin_action' })],
  ['a common category', () => ({ category: 'trading' })],
  ['a severity', () => ({ severity: 'critical' })],
  ['a severity, a category', () => ({ severity: 'critical', category: 'trading' })],
  ['an absent severity', () => ({ severity: 'error' })],
  ['an outcome', () => ({ outcome: 'refused' })],
  ['an outcome, a category', () => ({ outcome: 'refused', category: 'security' })],
  ['a class', () => ({ class: 'restricted' })],
  ['an event type', (turn) => ({ eventType: `bench.kind_${turn % 40}` })],
  ['an event type, an outcome', (turn) => ({ eventType: `bench.kind_${turn % 40}`, outcome: 'refused' })],
  ['an event type, a category', (turn) => ({ eventType: `bench.kind_${turn % 40}`, category: 'system' })],
  ['an absent type of resource', () => ({ resourceType: 'never' })],
  ['a resource', (turn) => ({ resourceType: 'bench', resourceId: `resource-${turn}` })],
  ['a busy resource', () => ({ resourceId: PLANTED_ACCOUNT })],
  ['a busy resource, a severity', () => ({ resourceId: PLANTED_ACCOUNT, severity: 'critical' })],
  ['a request', (turn) => ({ requestId: `request-${turn * 1_000}` })],
  ["a job's run", () => ({ requestId: PLANTED_RUN })],
];

/** The kinds of timelines with what each is of. */
const TIMELINES = [
  ['a busy account', 'account', PLANTED_ACCOUNT],
  ['the busiest person', 'user', personAt(0)],
] as const;

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
  const ctx: Ctx = { ...machineCtx(deps, { kind: 'system', name: 'bench' }, newId()), login: 'staff' };
  for (let first = 0; first < rows; first += SLICE) {
    await plantAuditRows(deps.db.engine, { rows: SLICE, months: MONTHS, first, total: rows });
    process.stdout.write(`${first + SLICE} rows\n`);
  }
  const admin = openClient(owner, 1);
  await admin.unsafe('set statement_timeout = 0');
  await admin.unsafe('vacuum analyze audit_logs');
  await admin.end({ timeout: 5 });
  const kinds: Times[] = [];
  for (const [name, filtersOf] of SHAPES) {
    kinds.push(await timesOf(name, runs, (turn, after) => searchMs(ctx, filtersOf(turn), after)));
  }
  for (const [name, kind, id] of TIMELINES) {
    kinds.push(await timesOf(`timeline of ${name}`, runs, (_, after) => timelineMs(ctx, kind, id, after)));
  }
  await deps.db.close();
  return report(kinds);
}

type Times = { readonly name: string; readonly all: readonly number[] };

/** Each turn asks for a first page and for one somewhere in the past. */
async function timesOf(
  name: string,
  runs: number,
  measureMs: (turn: number, after: readonly string[] | undefined) => Promise<number>,
): Promise<Times> {
  const first: number[] = [];
  const deep: number[] = [];
  for (let turn = 0; turn < runs; turn += 1) {
    first.push(await measureMs(turn, undefined));
    deep.push(await measureMs(turn, [spanOf(runs - turn).to, newId()]));
  }
  const all = [...first, ...deep];
  process.stdout.write(
    `${name.padEnd(30)} p50 ${ms(all, 0.5)}  p99 ${ms(all, 0.99)}  first ${ms(first, 0.5)}  deep ${ms(deep, 0.5)}\n`,
  );
  return { name, all };
}

function report(kinds: readonly Times[]): number {
  const all = kinds.flatMap((kind) => kind.all);
  const measure = (id: string, value: number) => ({
    id,
    ours: Math.round(value * 100) / 100,
    unit: 'ms',
    runs: all.length,
    median: Math.round(percentile(all, 0.5) * 100) / 100,
    spread: Math.round((Math.max(...all) - Math.min(...all)) * 100) / 100,
  });
  const worst = Math.max(...kinds.map((kind) => percentile(kind.all, 0.99)));
  const measures = [
    measure('search_p50_ms', percentile(all, 0.5)),
    measure('search_p99_ms', percentile(all, 0.99)),
    measure('search_worst_kind_p99_ms', worst),
  ];
  process.stdout.write(`${JSON.stringify({ name: 'search', measures })}\n`);
  return worst < TARGET_P99_MS ? 0 : 1;
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

async function searchMs(
  ctx: Ctx,
  filters: LogFilters,
  after: readonly string[] | undefined,
): Promise<number> {
  return transact(ctx, ctx.login, async (tx) => {
    const startedNs = Bun.nanoseconds();
    await findRows(tx, { filters, restricted: true, reader: null, concealed: [], after, limit: PAGE });
    return (Bun.nanoseconds() - startedNs) / 1e6;
  });
}

/** The whole request, with what it records. */
async function timelineMs(
  ctx: Ctx,
  kind: (typeof TIMELINE_KINDS)[number],
  id: Id,
  after: readonly string[] | undefined,
): Promise<number> {
  const cursor = after && signCursor(ctx.deps.keyring.cursorKey, `audit-timeline ${kind} ${id}`, after);
  const startedNs = Bun.nanoseconds();
  await readTimeline(ctx, kind, id, { limit: PAGE, cursor });
  return (Bun.nanoseconds() - startedNs) / 1e6;
}

function ms(times: readonly number[], share: number): string {
  return `${percentile(times, share).toFixed(1).padStart(7)} ms`;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
