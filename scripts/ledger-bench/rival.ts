/**
 * The other side of `bench ledger`: pgledger's shape under pgbench, in a database of its own on the
 * same server.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Connection, openClient } from '../../src/platform/db/client.ts';

export type Rival = {
  /** Transfers per second with so many clients. */
  readonly run: (clients: number, accounts: number, seconds: number) => Promise<number>;
};

const DATABASE = 'rival';

/** Where pgbench is; Debian keeps it out of the path. */
export function findPgbench(): string | null {
  const folder = '/usr/lib/postgresql';
  const versions = existsSync(folder) ? readdirSync(folder).sort().reverse() : [];
  const installed = versions.map((version) => join(folder, version, 'bin', 'pgbench'));
  return Bun.which('pgbench') ?? installed.find((path) => existsSync(path)) ?? null;
}

/** Makes the rival's database with its accounts. */
export async function startRival(owner: Connection, pgbench: string, accounts: number): Promise<Rival> {
  const admin = openClient({ ...owner, database: 'postgres' }, 1);
  await admin.unsafe(`CREATE DATABASE ${DATABASE}`);
  await admin.end({ timeout: 5 });
  const client = openClient({ ...owner, database: DATABASE }, 1);
  await client.unsafe(readFileSync(join(import.meta.dir, 'rival.sql'), 'utf8'));
  await client.unsafe(`INSERT INTO accounts
    SELECT n, 'USD', 1000000, 0, false, now() FROM generate_series(1, ${accounts}) n`);
  await client.unsafe('VACUUM ANALYZE accounts');
  await client.end({ timeout: 5 });
  return { run: (clients, among, seconds) => runPgbench(pgbench, owner, { clients, among, seconds }) };
}

type Run = { readonly clients: number; readonly among: number; readonly seconds: number };

async function runPgbench(pgbench: string, owner: Connection, run: Run): Promise<number> {
  const script = join(import.meta.dir, 'rival-transfer.sql');
  const child = Bun.spawn(
    [
      [pgbench, '-n', '-M', 'prepared', '-f', script, '-D', `accounts=${run.among}`],
      ['-c', `${run.clients}`, '-j', '2', '-T', `${run.seconds}`],
      ['-h', owner.host, '-p', `${owner.port}`, '-U', owner.username, DATABASE],
    ].flat(),
    { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  );
  const [output, complaint] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const rate = /^tps = ([\d.]+)/m.exec(output)?.[1];
  if ((await child.exited) !== 0 || rate === undefined) {
    throw new Error(`pgbench failed: ${complaint.trim().split('\n').at(-1) ?? 'no answer'}`);
  }
  return Number(rate);
}
