/**
 * P5: an audit export of a million rows as NDJSON, from the POST to the last downloaded byte, manifest
 * included, against `psql COPY (SELECT row_to_json(…))` of the same rows, and how much the server's memory
 * grows meanwhile. The two sides take turns on one embedded PostgreSQL; what counts is the median of the
 * pairs' ratios. Ours opens every personal part, proves every row and encrypts the file at rest; psql's does
 * none of that. The last file is verified.
 * Usage: bun run bench export [--quick]
 * Exit 1 on a missed target or a file that does not hold, 2 on wrong use or where psql is missing.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { present } from '../src/kernel/assert.ts';
import { type Id, newId } from '../src/kernel/id.ts';
import { auditEvents } from '../src/platform/audit/events.ts';
import { recordMany } from '../src/platform/audit/record.ts';
import { startSealer } from '../src/platform/audit/sealer.ts';
import { verifyExport } from '../src/platform/audit/verify-export.ts';
import { type Ctx, machineCtx } from '../src/platform/context.ts';
import { type Connection, formatDatabaseUrl, openClient } from '../src/platform/db/client.ts';
import { startEmbedded } from '../src/platform/db/embedded.ts';
import { applyMigrations } from '../src/platform/db/migrate.ts';
import { ensureSandboxPasswords, sandboxConnections } from '../src/platform/db/sandbox-logins.ts';
import { transact } from '../src/platform/db/transact.ts';
import { TEST_LOG } from '../src/testing/foundation.ts';
import { benchDeps } from './export-bench/server.ts';

const TARGET_RATIO = 1;
const TARGET_GROWTH_MB = 150;
const PEOPLE = 1_000;
const BATCH = 1_000;

const { 'bench.changed': CHANGED } = auditEvents({
  'bench.changed': {
    category: 'financial',
    severity: 'info',
    description: 'A wallet of the bench changed',
    shows: ['status', 'amount', 'asset', 'walletId', 'available', 'version'],
  },
});

type Pair = { readonly ours: number; readonly peer: number; readonly growthMb: number };

process.exit(await main(process.argv.slice(2)));

async function main(options: readonly string[]): Promise<number> {
  if (options.some((option) => option !== '--quick')) {
    process.stderr.write('Usage: bun run bench export [--quick]\n');
    return 2;
  }
  const psql = findPsql();
  if (psql === null) {
    process.stderr.write(
      'bench export needs psql: `apt install postgresql-client` or `brew install libpq`\n',
    );
    return 2;
  }
  const quick = options.includes('--quick');
  const dataDir = mkdtempSync(join(tmpdir(), 'plimsoll-bench-export-'));
  const server = await startEmbedded({
    dataDir,
    maxConnections: 40,
    settings: ['shared_buffers=512MB', 'max_wal_size=8GB', 'synchronous_commit=off'],
  });
  try {
    return await run(server.owner, psql, dataDir, quick ? 100_000 : 1_000_000, quick ? 3 : 5);
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function run(
  owner: Connection,
  psql: string,
  dataDir: string,
  rows: number,
  pairCount: number,
): Promise<number> {
  await applyMigrations(owner);
  await ensureSandboxPasswords(owner);
  const auditor = await fillLog(owner, dataDir, rows);
  const child = Bun.spawn(
    [
      process.execPath,
      join(import.meta.dir, 'export-bench/server.ts'),
      JSON.stringify(owner),
      dataDir,
      auditor,
    ],
    { stdout: 'pipe', stderr: 'inherit' },
  );
  try {
    const { value } = await child.stdout.getReader().read();
    const origin = `http://127.0.0.1:${Buffer.from(present(value, 'the server prints its port')).toString().trim()}`;
    const pairs: Pair[] = [];
    let held = false;
    await exportOnce(origin, null);
    for (let turn = 0; turn < pairCount; turn += 1) {
      const last = turn === pairCount - 1;
      const peer = turn % 2 === 0 ? await psqlSeconds(psql, owner) : undefined;
      const watch = watchMemory(child.pid);
      const ours = await exportOnce(origin, null);
      const growthMb = await watch.growthMb();
      pairs.push({ ours, growthMb, peer: peer ?? (await psqlSeconds(psql, owner)) });
      process.stdout.write(
        `pair ${turn + 1}: ours ${ours.toFixed(2)} s, psql ${pairs[turn]?.peer.toFixed(2)} s, memory +${growthMb.toFixed(0)} MB\n`,
      );
      held = last ? await verifies(origin) : held;
    }
    return report(pairs, rows, held);
  } finally {
    child.kill();
    await child.exited;
  }
}

/** Writes and seals the rows, as many people each with a key of their own. */
async function fillLog(owner: Connection, dataDir: string, rows: number): Promise<Id> {
  const deps = benchDeps(owner, dataDir);
  const system = machineCtx(deps, { kind: 'system', name: 'bench' }, newId());
  const people = Array.from({ length: PEOPLE }, () => newId());
  await transact(system, 'engine', async (tx) => {
    for (const userId of people) {
      await deps.personKeys.create(tx, userId, deps.clock.realNow());
    }
  });
  const sealer = await startSealer(deps, TEST_LOG);
  for (let done = 0; done < rows; done += BATCH) {
    await transact(system, 'engine', (tx) =>
      recordMany(
        tx,
        system,
        Array.from({ length: BATCH }, (_, at) =>
          changeOf(system, present(people[(done + at) % PEOPLE], 'there are people'), done + at),
        ),
      ),
    );
    // Sealing keeps up, and none of it waits for the end.
    if ((done / BATCH) % 20 === 19) {
      await sealer.sealNow();
    }
  }
  await sealer.sealNow();
  await sealer.stop();
  await deps.mail.stop();
  await deps.db.close();
  const client = openClient(owner, 1);
  await client.unsafe('VACUUM ANALYZE');
  await client.end({ timeout: 5 });
  return present(people[0], 'there are people');
}

function changeOf(system: Ctx, userId: Id, number: number) {
  const actor = { kind: 'customer', userId, roles: ['customer'], sessionId: userId, mfaAtMs: null } as const;
  const client = { ip: '203.0.113.9', userAgent: 'Mozilla/5.0 (X11; Linux x86_64) bench' };
  const amount = `${number}.25`;
  return {
    event: CHANGED,
    resource: { type: 'wallet', id: newId() },
    subjectUserId: userId,
    before: { status: 'active', available: amount, version: number },
    after: { status: 'active', amount, asset: 'USD', walletId: userId, available: amount, version: number },
    ctx: { ...system, actor: { ...actor, roles: [...actor.roles] }, client, requestId: newId() } as Ctx,
  };
}

/** Seconds from the POST to the last byte, manifest included. */
async function exportOnce(origin: string, sink: ((chunk: Uint8Array) => void) | null): Promise<number> {
  const startedNs = Bun.nanoseconds();
  const period = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };
  const headers = { authorization: 'Bearer bench', 'content-type': 'application/json' };
  const asked = await fetch(`${origin}/v1/audit/exports`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ ...period, format: 'ndjson' }),
  });
  const { id } = (await asked.json()) as { id: string };
  const at = `${origin}/v1/audit/exports/${id}`;
  for (let status = 'pending'; status !== 'completed'; ) {
    await Bun.sleep(50);
    ({ status } = (await (await fetch(at, { headers })).json()) as { status: string });
    if (status === 'failed' || status === 'cancelled') {
      throw new Error(`the export ${status}`);
    }
  }
  const { body } = await fetch(`${at}/download`, { headers });
  for await (const chunk of present(body, 'a download has a body')) {
    sink?.(chunk);
  }
  const manifest = await (await fetch(`${at}/manifest`, { headers })).text();
  if (!manifest.startsWith('plimsoll-audit-manifest@')) {
    throw new Error('the manifest is none');
  }
  return (Bun.nanoseconds() - startedNs) / 1e9;
}

async function verifies(origin: string): Promise<boolean> {
  const chunks: Uint8Array[] = [];
  await exportOnce(origin, (chunk) => chunks.push(chunk));
  const report = await verifyExport(linesOf(chunks));
  process.stdout.write(`verified: ${report.rows} rows, ${report.findingCount} findings\n`);
  return report.holds;
}

function* linesOf(chunks: readonly Uint8Array[]): Generator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

async function psqlSeconds(psql: string, owner: Connection): Promise<number> {
  const startedNs = Bun.nanoseconds();
  const child = Bun.spawn(
    [
      psql,
      formatDatabaseUrl(sandboxConnections(owner).engine),
      '-q',
      '-c',
      'COPY (SELECT row_to_json(a) FROM audit_logs a) TO STDOUT',
    ],
    { stdout: 'pipe', stderr: 'pipe', env: { PATH: '/usr/bin:/bin' } },
  );
  let bytes = 0;
  for await (const chunk of child.stdout) {
    bytes += chunk.length;
  }
  if ((await child.exited) !== 0 || bytes === 0) {
    throw new Error(`psql: ${await new Response(child.stderr).text()}`);
  }
  return (Bun.nanoseconds() - startedNs) / 1e9;
}

function watchMemory(pid: number): { readonly growthMb: () => Promise<number> } {
  const first = memoryMb(pid);
  let peak = first;
  const timer = setInterval(() => {
    peak = Math.max(peak, memoryMb(pid));
  }, 200);
  return {
    growthMb: async () => {
      clearInterval(timer);
      return Math.max(peak, memoryMb(pid)) - first;
    },
  };
}

function memoryMb(pid: number): number {
  const { stdout } = Bun.spawnSync(['ps', '-o', 'rss=', '-p', String(pid)]);
  return Number.parseInt(stdout.toString().trim(), 10) / 1_024;
}

function report(pairs: readonly Pair[], rows: number, held: boolean): number {
  const ratio = median(pairs.map((pair) => pair.peer / pair.ours));
  const rates = pairs.map((pair) => rows / pair.ours);
  const growth = pairs.map((pair) => pair.growthMb);
  const measures = [
    {
      id: 'P5',
      ours: Math.round(median(rates)),
      peer: Math.round(median(pairs.map((pair) => rows / pair.peer))),
      ratio: Math.round(ratio * 1_000) / 1_000,
      unit: 'rows/s',
      runs: pairs.length,
      median: Math.round(median(rates)),
      spread: Math.round(Math.max(...rates) - Math.min(...rates)),
    },
    {
      id: 'P5_rss_mb',
      ours: Math.round(Math.max(...growth)),
      unit: 'MB',
      runs: pairs.length,
      median: Math.round(median(growth)),
      spread: Math.round(Math.max(...growth) - Math.min(...growth)),
    },
  ];
  process.stdout.write(held ? 'the file holds\n' : 'the file does NOT hold\n');
  process.stdout.write(`${JSON.stringify({ name: 'export', measures })}\n`);
  return held && ratio >= TARGET_RATIO && Math.max(...growth) <= TARGET_GROWTH_MB ? 0 : 1;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function findPsql(): string | null {
  const folder = '/usr/lib/postgresql';
  const versions = existsSync(folder) ? readdirSync(folder).sort().reverse() : [];
  const installed = versions.map((version) => join(folder, version, 'bin', 'psql'));
  return Bun.which('psql') ?? installed.find((path) => existsSync(path)) ?? null;
}
