/** One turn of `bench orders`: a load on the server, what was answered, and whose processor it took. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SQL, sql } from 'drizzle-orm';
import type { Children } from './children.ts';
import { type Customer, signIn } from './firm.ts';
import type { LoadReport, LoadTask } from './load.ts';
import { processUs, serverUs } from './processor.ts';
import type { BenchSystem, Product } from './system.ts';

/** @units microseconds of processor time per order */
export type Processor = { readonly bun: number; readonly postgres: number; readonly load: number };

export type Turn = LoadReport & { readonly processor: Processor };

export type Load = Pick<LoadTask, 'connections' | 'rate' | 'warmUpSeconds' | 'seconds' | 'shape'>;

export type Stage = {
  readonly system: BenchSystem;
  readonly product: Product;
  readonly customers: readonly Customer[];
  readonly children: Children;
  readonly dataDir: string;
};

const LOAD = join(import.meta.dir, 'load.ts');

/** Runs a load in a process of its own. */
export async function runLoad(
  { system, product, customers, children, dataDir }: Stage,
  load: Load,
): Promise<Turn> {
  const task: LoadTask = {
    ...load,
    host: '127.0.0.1',
    port: product.port,
    orderers: await signIn(system.ctx, customers),
  };
  const path = join(dataDir, 'load.json');
  writeFileSync(path, JSON.stringify(task), { mode: 0o600 });
  const child = children.start([process.execPath, LOAD, path], process.env);
  const used: { readonly bun: number; readonly postgres: number }[] = [];
  let printed = '';
  for await (const chunk of child.stdout) {
    printed += new TextDecoder().decode(chunk);
    if (used.length < 2 && printed.endsWith('\n')) {
      used.push({ bun: processUs(product.pid), postgres: serverUs(system.postgres.pid) });
    }
  }
  rmSync(path, { force: true });
  const [before, after] = used;
  if ((await child.exited) !== 0 || before === undefined || after === undefined) {
    throw new Error('the load generator failed');
  }
  const report = JSON.parse(printed.trim().split('\n').at(-1) ?? '') as LoadReport;
  return {
    ...report,
    processor: {
      bun: (after.bun - before.bun) / report.answered,
      postgres: (after.postgres - before.postgres) / report.answered,
      load: report.processorUs / report.answered,
    },
  };
}

/**
 * Orders that were settled whole, both of each trade, within the time that counts, and which share of its fills left a
 * part of their order open.
 * @units orders per second
 */
export async function settledWithin(
  { system }: Stage,
  { fromMs, toMs }: LoadReport,
): Promise<{ readonly perSecond: number; readonly partial: number }> {
  const within = (column: 'closed_at' | 'executed_at') =>
    sql`${sql.raw(column)} >= to_timestamp(${fromMs / 1_000}::float8)
      and ${sql.raw(column)} < to_timestamp(${toMs / 1_000}::float8)`;
  const [row] = await system.ctx.deps.db.engine.execute<{ orders: number; fills: number }>(sql`
    select (select count(*)::int from orders where status = 'filled' and ${within('closed_at')}) as orders,
      (select count(*)::int from fills where ${within('executed_at')}) as fills`);
  const { orders, fills } = row ?? { orders: 0, fills: 0 };
  return { perSecond: (orders * 1_000) / (toMs - fromMs), partial: fills === 0 ? 0 : 1 - orders / fills };
}

/** A fault where anything but an order in the book was answered: what is refused fast is no order served fast. */
export function refusedIn(name: string, { others }: LoadReport): readonly string[] {
  const seen = Object.entries(others).map(([what, count]) => `${count} ${what.trim()}`);
  return seen.length === 0 ? [] : [`${name} was answered ${seen.join(', ')}`];
}

const DRAINED_WITHIN_MS = 60_000;

/**
 * How long it takes until nothing of what was answered waits for the engine, the sealer or the relay.
 * @units seconds; infinite where it takes longer than a minute
 */
export async function drainedAfter({ system }: Stage): Promise<number> {
  const { engine } = system.ctx.deps.db;
  const began = performance.now();
  const [written] = await engine.execute<{ rows: string }>(
    sql`select count(*)::text as rows from audit_logs`,
  );
  const done: readonly SQL[] = [
    sql`select not exists (select 1 from orders where status in ('open', 'partially_filled')
      group by instrument_id, book
      having max(limit_price) filter (where side = 'buy') >= min(limit_price) filter (where side = 'sell')) as done`,
    sql`select not exists (select 1 from orders where status = 'pending')
      and not exists (select 1 from orders where cancel_requested_at is not null and closed_at is null) as done`,
    sql`select coalesce(max(tree_size), 0) >= ${written?.rows ?? '0'}::bigint as done from audit_checkpoints`,
    sql`select not exists (select 1 from outbox where position is null)
      and not exists (select 1 from outbox_retries)
      and not exists (select 1 from outbox_consumers
        where position < (select coalesce(max(position), 0) from outbox)) as done`,
  ];
  for (const question of done) {
    while (!(await engine.execute<{ done: boolean }>(question))[0]?.done) {
      if (performance.now() - began > DRAINED_WITHIN_MS) {
        return Number.POSITIVE_INFINITY;
      }
      await Bun.sleep(250);
    }
  }
  return (performance.now() - began) / 1_000;
}
