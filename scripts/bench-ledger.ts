/**
 * P3 and P3_hot: ledger transfers per second, each with its own caller that awaits its own commit, with
 * triggers, row policies and audit on, against pgledger's shape under pgbench at its best of 8 and 32
 * clients; and, beside them, the whole verb of `POST /v1/transfers` with gates, keys and events, which the
 * rival has none of. One embedded PostgreSQL with one set of settings serves both; the two sides take turns, in
 * pairs, because they share this machine with whatever else runs on it. What counts is the median of the
 * ratios of five pairs in which the rival was not disturbed.
 * Usage: bun run bench ledger [--quick]
 * Exit 1 on a missed target, a break in the books or a void run, 2 on wrong use or where pgbench is missing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openClient } from '../src/platform/db/client.ts';
import { type EmbeddedServer, startEmbedded } from '../src/platform/db/embedded.ts';
import { type Firm, startFirm, type Way } from './ledger-bench/firm.ts';
import { findPgbench, type Rival, startRival } from './ledger-bench/rival.ts';

/** What trading.md measured of pgledger, and the share of it the rival must reach for a run to count. */
const MEASURES = [
  { id: 'P3', way: 'post', accounts: 10_000, target: 3, rivalKnown: 6_900 },
  { id: 'P3_hot', way: 'post', accounts: 10, target: 6, rivalKnown: 3_200 },
  { id: 'verb', way: 'order', accounts: 10_000, rivalKnown: 6_900 },
  { id: 'verb_hot', way: 'order', accounts: 10, rivalKnown: 3_200 },
] as const satisfies readonly Measure[];
const RIVAL_SHARE = 0.75;
/** How many times the wanted pairs are tried before a run is given up as void. */
const TRIES = 4;
const CLIENTS = [8, 32] as const;

/** The same for both sides, durable as the defaults are; a checkpoint would favour whoever it misses. */
const SETTINGS = [
  'fsync=on',
  'synchronous_commit=on',
  'full_page_writes=on',
  'shared_buffers=512MB',
  'max_wal_size=8GB',
  'min_wal_size=4GB',
  'checkpoint_timeout=1h',
  'wal_writer_delay=10ms',
];

/** As much of the log's files as is kept for use again. @units MB */
const WAL_MB = 4_000;

type Plan = { readonly pairs: number; readonly ourSeconds: number; readonly rivalSeconds: number };
type Pair = { readonly ours: number; readonly peer: number };
type Measure = {
  readonly id: string;
  readonly way: Way;
  readonly accounts: number;
  /** None where the figure is told beside the others: the rival has no such verb. */
  readonly target?: number;
  readonly rivalKnown: number;
};
type Result = { readonly measure: Measure; readonly pairs: readonly Pair[] };

process.exit(await main(process.argv.slice(2)));

async function main(options: readonly string[]): Promise<number> {
  if (options.some((option) => option !== '--quick')) {
    process.stderr.write('Usage: bun run bench ledger [--quick]\n');
    return 2;
  }
  const pgbench = findPgbench();
  if (pgbench === null) {
    process.stderr.write(
      'bench ledger needs pgbench: install it with `apt install postgresql-contrib` or `brew install postgresql`\n',
    );
    return 2;
  }
  const plan = options.includes('--quick')
    ? { pairs: 2, ourSeconds: 4, rivalSeconds: 2 }
    : { pairs: 5, ourSeconds: 10, rivalSeconds: 8 };
  const dataDir = mkdtempSync(join(tmpdir(), 'plimsoll-bench-ledger-'));
  let server: EmbeddedServer | undefined;
  try {
    server = await startEmbedded({ dataDir, maxConnections: 64, settings: SETTINGS });
    await fillWal(server);
    await server.stop();
    server = await startEmbedded({ dataDir, maxConnections: 64, settings: SETTINGS });
    return await run(plan, server, pgbench, dataDir);
  } catch (error) {
    process.stderr.write(`bench ledger: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await server?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function run(plan: Plan, server: EmbeddedServer, pgbench: string, dataDir: string): Promise<number> {
  await requireDurable(server);
  const accounts = Math.max(...MEASURES.map((measure) => measure.accounts));
  const rival = await startRival(server.owner, pgbench, accounts);
  const firm = await startFirm(server.owner, dataDir, accounts);
  try {
    const results: Result[] = [];
    for (const measure of MEASURES) {
      results.push({ measure, pairs: await measurePairs(plan, measure, firm, rival) });
    }
    process.stdout.write('checking the books\n');
    return report(plan, results, await firm.faults());
  } finally {
    await firm.close();
  }
}

/**
 * A server that has run for a while writes into files of its log that it had before; a new one has to make each of
 * them, while everybody waits. Its stop makes those that are filled here ready for use again, for both sides alike.
 */
async function fillWal(server: EmbeddedServer): Promise<void> {
  const client = openClient(server.owner, 1);
  for (let done = 0; done < WAL_MB; done += 100) {
    await client`select count(pg_logical_emit_message(false, 'bench', repeat('x', 1000000))) from generate_series(1, 100)`;
  }
  await client.end({ timeout: 5 });
}

/** A server that was told to be fast instead of durable would make any figure worthless. */
async function requireDurable(server: EmbeddedServer): Promise<void> {
  const client = openClient(server.owner, 1);
  const rows = await client`select name, setting from pg_settings
    where name in ('fsync', 'synchronous_commit', 'full_page_writes')`;
  await client.end({ timeout: 5 });
  if (rows.length !== 3 || rows.some((row) => row.setting !== 'on')) {
    throw new Error('the server does not commit durably');
  }
}

/**
 * Takes turns until enough pairs count. One counts where the rival reached its share of what is known of it: where it did
 * not, something else had the machine. What is left out has a slow rival, and is printed all the same.
 */
async function measurePairs(plan: Plan, measure: Measure, firm: Firm, rival: Rival): Promise<Pair[]> {
  const pairs: Pair[] = [];
  const most = measure.target === undefined ? plan.pairs : plan.pairs * TRIES;
  for (let index = 0; index < most && countedOf(measure, pairs).length < plan.pairs; index += 1) {
    const pair = await measurePair(plan, measure, firm, rival, index % 2 === 0);
    pairs.push(pair);
    process.stdout.write(
      `${measure.id.padEnd(7)} pair ${String(index + 1).padStart(2)}   ours ${rate(pair.ours)}   pgledger ${rate(pair.peer)}` +
        `   ratio ${(pair.ours / pair.peer).toFixed(2)}${counts(measure, pair) ? '' : '  void'}\n`,
    );
  }
  return pairs;
}

async function measurePair(
  plan: Plan,
  measure: Measure,
  firm: Firm,
  rival: Rival,
  oursFirst: boolean,
): Promise<Pair> {
  const ourTurn = () => firm.run(measure.way, measure.accounts, plan.ourSeconds);
  const rivalTurn = async () => {
    const rates: number[] = [];
    for (const clients of CLIENTS) {
      rates.push(await rival.run(clients, measure.accounts, plan.rivalSeconds));
    }
    return Math.max(...rates);
  };
  const first = oursFirst ? await ourTurn() : await rivalTurn();
  const second = oursFirst ? await rivalTurn() : await ourTurn();
  return oursFirst ? { ours: first, peer: second } : { ours: second, peer: first };
}

function leastOf(measure: Measure): number {
  return Math.round(RIVAL_SHARE * measure.rivalKnown);
}

function counts(measure: Measure, pair: Pair): boolean {
  return measure.target === undefined || pair.peer >= leastOf(measure);
}

function countedOf(measure: Measure, pairs: readonly Pair[]): readonly Pair[] {
  return pairs.filter((pair) => counts(measure, pair));
}

function report(plan: Plan, results: readonly Result[], faults: readonly string[]): number {
  const verdicts = results.map((result) => verdictOf(result, plan));
  process.stdout.write(
    `\nledger transfers per second, ${plan.pairs} pairs; PostgreSQL with ${SETTINGS.join(' ')}\n` +
      `${'measure'.padEnd(9)}${'accounts'.padStart(9)}${'ours'.padStart(10)}${'pgledger'.padStart(10)}` +
      `${'ratio'.padStart(8)}${'target'.padStart(8)}\n`,
  );
  for (const { measure, figures, met, enough } of verdicts) {
    const word = enough ? (measure.target === undefined ? '' : met ? 'ok' : 'MISSED') : 'VOID';
    process.stdout.write(
      `${measure.id.padEnd(9)}${String(measure.accounts).padStart(9)}${rate(figures.ours)}${rate(figures.peer)}` +
        `${figures.ratio.toFixed(2).padStart(8)}${(measure.target?.toFixed(1) ?? '').padStart(8)}  ${word}\n`,
    );
  }
  for (const { measure, figures } of verdicts.filter(({ enough }) => !enough)) {
    process.stdout.write(
      `${measure.id} is void: the rival must reach ${leastOf(measure)} a second on this machine for its ratio to mean ` +
        `anything, and did in ${figures.counted} of ${figures.runs} pairs\n`,
    );
  }
  for (const fault of faults.slice(0, 20)) {
    process.stdout.write(`BREAK  ${fault}\n`);
  }
  process.stdout.write(faults.length === 0 ? 'the books hold\n' : `${faults.length} breaks\n`);
  process.stdout.write(
    `${JSON.stringify({ name: 'ledger', measures: verdicts.map(({ figures }) => figures) })}\n`,
  );
  return faults.length === 0 && verdicts.every(({ met, enough }) => met && enough) ? 0 : 1;
}

/** By the pairs that count; where too few do, by all, and the run is void. */
function verdictOf({ measure, pairs: all }: Result, plan: Plan) {
  const counted = countedOf(measure, all);
  const enough = counted.length >= plan.pairs;
  const pairs = enough ? counted : all;
  const ours = pairs.map((pair) => pair.ours);
  const peer = Math.round(median(pairs.map((pair) => pair.peer)));
  const ratio = median(pairs.map((pair) => pair.ours / pair.peer));
  const figures = {
    id: measure.id,
    ours: Math.round(median(ours)),
    peer,
    ratio: Math.round(ratio * 1_000) / 1_000,
    unit: 'transfers/s',
    runs: all.length,
    counted: counted.length,
    median: Math.round(median(ours)),
    spread: Math.round(Math.max(...ours) - Math.min(...ours)),
    ...(enough ? {} : { void: true }),
  };
  return { measure, figures, enough, met: ratio >= (measure.target ?? 0) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function rate(value: number): string {
  return String(Math.round(value)).padStart(10);
}
