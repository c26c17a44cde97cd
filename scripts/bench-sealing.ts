/**
 * What sealing costs and how far it stays behind: rows audited per second by 32 writers, each with a row and a
 * commit of its own, with the sealer running in the same process against without it; the same in batches of
 * 256, beside it; and the lag of the newest row under a signed checkpoint at 5,000 rows a second. One embedded
 * PostgreSQL with durable settings; the sides take turns in pairs, and what counts is the median of the ratios.
 * Beside the rates it tells the processor time a row takes, of this process and of PostgreSQL, on Linux: that
 * says more where others use the machine too.
 * Usage: bun run bench sealing [--quick]
 * Exit 1 on a missed target or a log that does not verify, 2 on wrong use.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { buildDeps } from '../src/deps.ts';
import { present } from '../src/kernel/assert.ts';
import { type Id, newId } from '../src/kernel/id.ts';
import { auditEvents } from '../src/platform/audit/events.ts';
import { type Change, recordMany } from '../src/platform/audit/record.ts';
import { type Sealer, startSealer } from '../src/platform/audit/sealer.ts';
import { verifyLog } from '../src/platform/audit/verify-log.ts';
import { type Ctx, type Deps, machineCtx } from '../src/platform/context.ts';
import { openClient } from '../src/platform/db/client.ts';
import { type EmbeddedServer, startEmbedded } from '../src/platform/db/embedded.ts';
import { applyMigrations } from '../src/platform/db/migrate.ts';
import { ensureSandboxPasswords, sandboxConnections } from '../src/platform/db/sandbox-logins.ts';
import { transact } from '../src/platform/db/transact.ts';
import { buildLogger } from '../src/platform/log/logger.ts';
import { TEST_LOG, TEST_SETTINGS } from '../src/testing/foundation.ts';

const MIN_RATIO = 0.9;
const MAX_LAG_SECONDS = 5;
const WRITERS = 32;
const BATCH = 256;
const PACED_ROWS = 5_000;
const PACED_EVERY_MS = 20;
const SAMPLE_MS = 250;
/** A sealer first compares the whole log; that belongs to its start. */
const STEADY_MS = 1_000;
/** Of Linux, whatever the machine. */
const TICK_US = 10_000;
const SETTINGS = [
  'fsync=on',
  'synchronous_commit=on',
  'full_page_writes=on',
  'shared_buffers=512MB',
  'max_wal_size=8GB',
  'checkpoint_timeout=1h',
];

const EVENTS = auditEvents({
  'bench.written': {
    category: 'financial',
    severity: 'info',
    description: 'A row was written to measure the log',
    shows: ['amount', 'asset', 'balance', 'reference'],
  },
});

/** Short runs in many pairs: what disturbs a machine then meets few of them, and the median none. */
type Plan = {
  readonly singles: number;
  readonly batches: number;
  readonly seconds: number;
  readonly pacedSeconds: number;
};
/** @units rows per second; microseconds of processor time per row */
type Run = { readonly rate: number; readonly cpuUs: number };
type Pair = { readonly on: Run; readonly off: Run };
type Side = keyof Pair;
type Lag = { readonly rowsPerSecond: number; readonly maxSeconds: number; readonly drainedSeconds: number };

process.exit(await main(process.argv.slice(2)));

async function main(options: readonly string[]): Promise<number> {
  if (options.some((option) => option !== '--quick')) {
    process.stderr.write('Usage: bun run bench sealing [--quick]\n');
    return 2;
  }
  const plan = options.includes('--quick')
    ? { singles: 5, batches: 1, seconds: 2, pacedSeconds: 10 }
    : { singles: 15, batches: 7, seconds: 4, pacedSeconds: 60 };
  const dataDir = mkdtempSync(join(tmpdir(), 'plimsoll-bench-sealing-'));
  let server: EmbeddedServer | undefined;
  try {
    server = await startEmbedded({ dataDir, maxConnections: 64, settings: SETTINGS });
    return await run(plan, server, dataDir);
  } catch (error) {
    process.stderr.write(`bench sealing: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await server?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function run(plan: Plan, server: EmbeddedServer, dataDir: string): Promise<number> {
  await applyMigrations(server.owner);
  await ensureSandboxPasswords(server.owner);
  const deps = buildDeps({
    mode: 'sandbox',
    dataDir,
    connections: sandboxConnections(server.owner),
    pools: { app: 1, staff: 1, engine: WRITERS },
    rootKeys: [{ name: 'bench', key: new Uint8Array(32).fill(7) }],
    log: buildLogger('warn'),
    wakeRelay: () => {},
    domains: [],
    settings: TEST_SETTINGS,
  });
  try {
    const ctx = await customerCtx(deps);
    await warmUp(plan, ctx, server);
    const single = await measurePairs(plan, ctx, { name: 'single', rows: 1, pairs: plan.singles }, server);
    const batched = await measurePairs(
      plan,
      ctx,
      { name: 'batched', rows: BATCH, pairs: plan.batches },
      server,
    );
    const lag = await measureLag(plan, ctx);
    process.stdout.write('verifying the log\n');
    return report(single, batched, lag, (await verifyLog(machineOf(deps))).findings.length);
  } finally {
    await deps.db.close();
  }
}

function machineOf(deps: Deps): Ctx {
  return machineCtx(deps, { kind: 'system', name: 'bench' }, newId());
}

/** A customer's request, so that every row has a personal part of a person. */
async function customerCtx(deps: Deps): Promise<Ctx> {
  const userId = newId();
  await deps.db.engine.transaction((tx) => deps.personKeys.create(tx, userId, deps.clock.now()));
  return {
    ...machineOf(deps),
    actor: { kind: 'customer', userId, roles: ['customer'], sessionId: newId(), mfaAtMs: null },
    client: { ip: '192.0.2.1', userAgent: 'Mozilla/5.0 (X11; Linux x86_64) bench' },
  };
}

/** The first pair would else pay for the connections, the plans and the compiling of all. */
async function warmUp(plan: Plan, ctx: Ctx, server: EmbeddedServer): Promise<void> {
  process.stdout.write('warming up\n');
  for (const sealed of [false, true]) {
    await runOf(plan.seconds, ctx, 1, { sealed, server });
  }
}

async function measurePairs(
  plan: Plan,
  ctx: Ctx,
  { name, rows, pairs: count }: { readonly name: string; readonly rows: number; readonly pairs: number },
  server: EmbeddedServer,
): Promise<readonly Pair[]> {
  const pairs: Pair[] = [];
  for (let index = 0; index < count; index += 1) {
    const order: readonly Side[] = index % 2 === 0 ? ['on', 'off'] : ['off', 'on'];
    const runs: Partial<Record<Side, Run>> = {};
    for (const side of order) {
      await settle(ctx.deps, server);
      runs[side] = await runOf(plan.seconds, ctx, rows, { sealed: side === 'on', server });
    }
    const pair = {
      on: present(runs.on, 'both sides ran'),
      off: present(runs.off, 'both sides ran'),
    };
    pairs.push(pair);
    process.stdout.write(`${line(`${name} pair ${index + 1}/${count}`, [pair])}\n`);
  }
  return pairs;
}

/** Neither side works off what the other left, nor pays for its vacuum. */
async function settle(deps: Deps, server: EmbeddedServer): Promise<void> {
  const sealer = await startSealer(deps, { ...TEST_LOG, apart: true });
  await drained(deps, sealer);
  await sealer.stop();
  const client = openClient(server.owner, 1);
  await client.unsafe('vacuum analyze');
  await client.unsafe('checkpoint').catch(() => {});
  await client.end({ timeout: 5 });
}

/** A backlog may be larger than one call of the sealer waits for. */
async function drained(deps: Deps, sealer: Sealer): Promise<void> {
  for (;;) {
    const done = await sealer.sealNow().catch(() => null);
    if (done !== null) {
      return;
    }
    deps.log.warn({}, 'still sealing');
  }
}

async function runOf(
  seconds: number,
  ctx: Ctx,
  rows: number,
  { sealed, server }: { readonly sealed: boolean; readonly server: EmbeddedServer },
): Promise<Run> {
  const { deps } = ctx;
  const sealer = sealed ? await startSealer(deps, { ...TEST_LOG, apart: true }) : null;
  await sealer?.sealNow();
  await Bun.sleep(STEADY_MS);
  const beganUs = processorUs(server.pid);
  const beganMs = deps.clock.realMs();
  const endsMs = beganMs + seconds * 1_000;
  let written = 0;
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      while (deps.clock.realMs() < endsMs) {
        await write(ctx, rows);
        written += rows;
      }
    }),
  );
  const took = (deps.clock.realMs() - beganMs) / 1_000;
  const cpuUs = (processorUs(server.pid) - beganUs) / written;
  await sealer?.stop();
  return { rate: written / took, cpuUs };
}

/** What this process and the processes of a PostgreSQL have used; NaN where there is no /proc. */
function processorUs(postmaster: number): number {
  const { user, system } = process.cpuUsage();
  let ticks = 0;
  try {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      ticks += ticksOf(pid, postmaster);
    }
  } catch {
    return Number.NaN;
  }
  return user + system + ticks * TICK_US;
}

/** Of a process that the postmaster started; one that has ended meanwhile counts nothing. */
function ticksOf(pid: string, postmaster: number): number {
  try {
    const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
    const fields = rest.split(' ').map((field) => Number.parseInt(field, 10));
    const [, parent] = fields;
    return parent === postmaster ? (fields[11] ?? 0) + (fields[12] ?? 0) : 0;
  } catch {
    return 0;
  }
}

async function write(ctx: Ctx, count: number): Promise<void> {
  const changes = Array.from({ length: count }, () => changeOf(newId()));
  await transact({ ...ctx, requestId: newId() }, 'engine', (tx) => recordMany(tx, ctx, changes));
}

function changeOf(id: Id): Change {
  return {
    event: EVENTS['bench.written'],
    resource: { type: 'bench', id },
    subjectUserId: null,
    after: { amount: '1250.00', asset: 'USD', balance: '998750.25', reference: id },
  };
}

/** Writes at a steady pace and looks, four times a second, how old the newest sealed row is. */
async function measureLag(plan: Plan, ctx: Ctx): Promise<Lag> {
  const { deps } = ctx;
  const sealer = await startSealer(deps, { ...TEST_LOG, apart: true });
  await drained(deps, sealer);
  await Bun.sleep(STEADY_MS);
  // The age of a row from before the load would be taken for lag.
  await write(ctx, 1);
  await drained(deps, sealer);
  const beganMs = deps.clock.realMs();
  const endsMs = beganMs + plan.pacedSeconds * 1_000;
  const perTick = (PACED_ROWS * PACED_EVERY_MS) / 1_000;
  const writing = new Set<Promise<void>>();
  let written = 0;
  let maxSeconds = 0;
  let sampledMs = beganMs;
  for (let tick = 1; deps.clock.realMs() < endsMs; tick += 1) {
    const one = write(ctx, perTick).finally(() => writing.delete(one));
    writing.add(one);
    written += perTick;
    if (deps.clock.realMs() - sampledMs >= SAMPLE_MS) {
      sampledMs = deps.clock.realMs();
      maxSeconds = Math.max(maxSeconds, await lagOf(deps));
    }
    await Bun.sleep(Math.max(0, beganMs + tick * PACED_EVERY_MS - deps.clock.realMs()));
  }
  await Promise.all(writing);
  const rowsPerSecond = written / ((deps.clock.realMs() - beganMs) / 1_000);
  const restMs = deps.clock.realMs();
  await drained(deps, sealer);
  const drainedSeconds = (deps.clock.realMs() - restMs) / 1_000;
  await sealer.stop();
  return { rowsPerSecond, maxSeconds, drainedSeconds };
}

/** @units seconds since the newest row under a checkpoint was written */
async function lagOf(deps: Deps): Promise<number> {
  const [row] = await deps.db.engine.execute<{ ms: number }>(sql`
    select (extract(epoch from clock_timestamp() - l.recorded_at) * 1000)::int as ms from audit_leaves l
    where l.leaf_index = (select max(tree_size) - 1 from audit_checkpoints)`);
  return (row?.ms ?? 0) / 1_000;
}

function report(single: readonly Pair[], batched: readonly Pair[], lag: Lag, faults: number): number {
  const ratio = median(single.map(ratioOf));
  const met = ratio >= MIN_RATIO && lag.maxSeconds < MAX_LAG_SECONDS;
  const paced = lag.rowsPerSecond >= 0.95 * PACED_ROWS;
  const lines = [
    line('one row a transaction', single),
    line(`${BATCH} rows a transaction`, batched),
    `seal lag at ${rate(lag.rowsPerSecond)} rows/s: ${lag.maxSeconds.toFixed(2)} s at most, the rest sealed in ${lag.drainedSeconds.toFixed(2)} s`,
    `targets: ratio ${ratio.toFixed(3)} of ${MIN_RATIO}, lag ${lag.maxSeconds.toFixed(2)} s of ${MAX_LAG_SECONDS} s: ${met && paced ? 'ok' : paced ? 'MISSED' : 'VOID: this machine does not write that fast'}`,
    faults === 0 ? 'the log verifies' : `the log does NOT verify: ${faults} findings`,
  ];
  process.stdout.write(`\n${lines.join('\n')}\n`);
  process.stdout.write(
    `${JSON.stringify({ name: 'sealing', ratio, batched: median(batched.map(ratioOf)), cpu: median(single.map(cpuRatioOf)), ...lag })}\n`,
  );
  return met && paced && faults === 0 ? 0 : 1;
}

function line(name: string, pairs: readonly Pair[]): string {
  const side = (of: Side, member: keyof Run) => median(pairs.map((pair) => pair[of][member]));
  const us = (value: number) => `${value.toFixed(1).padStart(7)} µs`;
  return (
    `${name.padEnd(26)} on ${rate(side('on', 'rate'))}  off ${rate(side('off', 'rate'))}` +
    `  ratio ${median(pairs.map(ratioOf)).toFixed(3)}` +
    `  processor on ${us(side('on', 'cpuUs'))}  off ${us(side('off', 'cpuUs'))}` +
    `  ratio ${median(pairs.map(cpuRatioOf)).toFixed(3)}`
  );
}

function ratioOf({ on, off }: Pair): number {
  return on.rate / off.rate;
}

/** What a row takes without sealing to what it takes with it. */
function cpuRatioOf({ on, off }: Pair): number {
  return off.cpuUs / on.cpuUs;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function rate(value: number): string {
  return String(Math.round(value)).padStart(8);
}
