/**
 * The other side of `bench orders`: one transaction per order under pgbench, in a database of its own on the same
 * server and over the same socket; and what one commit takes there.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Connection, openClient } from '../../src/platform/db/client.ts';
import type { Children } from './children.ts';
import { serverUs } from './processor.ts';

export type Naive = {
  /** With so many clients. @units orders per second; microseconds of processor time per order, of all processes */
  readonly run: (
    clients: number,
    seconds: number,
  ) => Promise<{ readonly rate: number; readonly cpuUs: number }>;
  /** What one client waits for one row to be durable. @units ms, the median */
  readonly commitMs: (samples: number) => Promise<number>;
  readonly close: () => Promise<void>;
};

const DATABASE = 'naive';

/** Makes the database with its wallets. */
export async function startNaive(
  owner: Connection,
  pgbench: string,
  postmaster: number,
  accounts: number,
  children: Children,
): Promise<Naive> {
  const admin = openClient({ ...owner, database: 'postgres' }, 1);
  await admin.unsafe(`CREATE DATABASE ${DATABASE}`);
  await admin.end({ timeout: 5 });
  const client = openClient({ ...owner, database: DATABASE }, 1);
  await client.unsafe(readFileSync(join(import.meta.dir, 'naive.sql'), 'utf8'));
  await client.unsafe(`INSERT INTO wallets SELECT n, 1000000000 FROM generate_series(1, ${accounts}) n`);
  await client.unsafe('CREATE TABLE commits (at timestamptz NOT NULL)');
  await client.unsafe('VACUUM ANALYZE');
  return {
    run: (clients, seconds) =>
      runPgbench({ pgbench, owner, postmaster, clients, seconds, accounts, children }),
    commitMs: async (samples) => {
      const waits: number[] = [];
      for (let sample = 0; sample < samples; sample += 1) {
        const began = performance.now();
        await client`insert into commits values (clock_timestamp())`;
        waits.push(performance.now() - began);
      }
      waits.sort((left, right) => left - right);
      return waits[Math.floor(samples / 2)] ?? Number.NaN;
    },
    close: () => client.end({ timeout: 5 }),
  };
}

type Run = {
  readonly pgbench: string;
  readonly owner: Connection;
  readonly postmaster: number;
  readonly clients: number;
  readonly seconds: number;
  readonly accounts: number;
  readonly children: Children;
};

async function runPgbench(run: Run): Promise<{ readonly rate: number; readonly cpuUs: number }> {
  const { pgbench, owner, postmaster, clients, seconds, accounts, children } = run;
  const before = serverUs(postmaster);
  const child = children.start(
    [
      [pgbench, '-n', '-M', 'prepared', '-f', join(import.meta.dir, 'naive-order.sql')],
      ['-D', `accounts=${accounts}`, '-c', `${clients}`, '-j', '2', '-T', `${seconds}`],
      ['-h', owner.host, '-p', `${owner.port}`, '-U', owner.username, DATABASE],
    ].flat(),
    process.env,
  );
  const printed = await new Response(child.stdout).text();
  const rate = /^tps = ([\d.]+)/m.exec(printed)?.[1];
  if ((await child.exited) !== 0 || rate === undefined) {
    throw new Error('pgbench failed');
  }
  const client = Number(child.resourceUsage()?.cpuTime.total ?? Number.NaN);
  const orders = Number(rate) * seconds;
  return { rate: Number(rate), cpuUs: (serverUs(postmaster) - before + client) / orders };
}
