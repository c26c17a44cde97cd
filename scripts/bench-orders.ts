/**
 * The order path of docs/architecture.md, from the HTTP request to the settled trade, against what a broker's first
 * version does with an order: one transaction under pgbench at its best of 8 and 32 clients, on the same PostgreSQL,
 * with the same settings, over the same socket. Both take turns, because they share this machine with whatever else
 * runs on it; what counts is the median of the turns' ratios. Everything is on: tokens, rate limits, keys, gates,
 * limits, reservations, audit with sealed personal parts, engine, sealer and relay.
 *
 * P1 resting orders answered 201 `open` per second; P2 orders traded and settled per second; P4 latency as a multiple
 * of one commit; P6 the engine alone (`bench engine`); P7 processor time per order as book and customers grow.
 * Usage: bun run bench orders [--quick] [--profile]
 * `--quick` leaves P7 out; `--profile` writes where the processor's time goes to the folder it names, and voids ratios.
 * Exit 1 on a missed target, a break in the books or a lag, 2 on wrong use or where pgbench is missing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EmbeddedServer } from '../src/platform/db/embedded.ts';
import { findPgbench } from './ledger-bench/rival.ts';
import { type Children, keepChildren, onEnding } from './orders-bench/children.ts';
import { ACCOUNTS, openFirm } from './orders-bench/firm.ts';
import { growCustomers, growOrders } from './orders-bench/growth.ts';
import {
  drainedAfter,
  type Load,
  refusedIn,
  runLoad,
  type Stage,
  settledWithin,
} from './orders-bench/measure.ts';
import { type Naive, startNaive } from './orders-bench/naive.ts';
import {
  type Measure,
  measureOf,
  median,
  printReport,
  processorOf,
  turnLine,
} from './orders-bench/report.ts';
import { statementTable } from './orders-bench/statements.ts';
import { brokenBooks, startSystem } from './orders-bench/system.ts';

const CONNECTIONS = 256;
const CLIENTS = [8, 32] as const;
const DRAINED_WITHIN_SECONDS = 10;
const SLOW_RATE = 100;
/** One fill in four leaves a part of its order open, in the order they are sent; the more they overtake each other the fewer. */
const PARTIAL = 0.25;
const PARTIAL_WITHIN = 0.07;
const GROWTH_TURNS = 3;
/** Everybody was seen once before anything is measured. */
const PRIMING: Load = { connections: 64, rate: null, warmUpSeconds: 0, seconds: 3, shape: 'rest' };
const GROWTH = { rate: 500, small: 1_000, large: 1_000_000 } as const;

type Plan = {
  readonly rounds: number;
  readonly walMb: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly tradeSeconds: number;
  readonly naiveSeconds: number;
  readonly slowSeconds: number;
  readonly growthSeconds: number;
};

const FULL: Plan = {
  rounds: 5,
  walMb: 12_000,
  warmUpSeconds: 5,
  seconds: 30,
  tradeSeconds: 20,
  naiveSeconds: 8,
  slowSeconds: 12,
  growthSeconds: 15,
};
const QUICK: Plan = {
  rounds: 2,
  walMb: 2_000,
  warmUpSeconds: 1,
  seconds: 4,
  tradeSeconds: 3,
  naiveSeconds: 2,
  slowSeconds: 3,
  growthSeconds: 0,
};

type Bench = { readonly plan: Plan; readonly stage: Stage; readonly naive: Naive };
type Outcome = { readonly measures: readonly Measure[]; readonly faults: readonly string[] };

process.exit(await main(process.argv.slice(2)));

async function main(options: readonly string[]): Promise<number> {
  if (options.some((option) => option !== '--quick' && option !== '--profile')) {
    process.stderr.write('Usage: bun run bench orders [--quick] [--profile]\n');
    return 2;
  }
  const pgbench = findPgbench();
  if (pgbench === null) {
    process.stderr.write(
      'bench orders needs pgbench: install it with `apt install postgresql-contrib` or `brew install postgresql`\n',
    );
    return 2;
  }
  const plan = options.includes('--quick') ? QUICK : FULL;
  const profile = options.includes('--profile');
  const dataDir = mkdtempSync(join(tmpdir(), 'plimsoll-bench-orders-'));
  const children = keepChildren();
  let postgres: Promise<EmbeddedServer> | undefined;
  const end = async (): Promise<void> => {
    await children.end();
    await (await postgres?.catch(() => undefined))?.stop();
    if (!profile) {
      rmSync(dataDir, { recursive: true, force: true });
    }
  };
  onEnding((exitCode) => void end().finally(() => process.exit(exitCode)));
  try {
    const system = await startSystem({ dataDir, children, walMb: plan.walMb, profile }, (starting) => {
      postgres = starting;
    });
    const customers = await openFirm(system.ctx);
    const naive = await startNaive(system.postgres.owner, pgbench, system.postgres.pid, ACCOUNTS, children);
    const product = await system.startProduct();
    const stage = { system, product, customers, children, dataDir };
    const outcome = profile
      ? await runProfile({ plan, stage, naive })
      : await runAll({ plan, stage, naive }, children);
    await naive.close();
    await system.close();
    return printReport(outcome.measures, outcome.faults);
  } catch (error) {
    process.stderr.write(`bench orders: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await end();
  }
}

async function runAll(bench: Bench, children: Children): Promise<Outcome> {
  const faults: string[] = [];
  const { plan } = bench;
  const small = plan.growthSeconds > 0 ? await growthTurns(bench, GROWTH.small, faults) : null;
  await runLoad(bench.stage, PRIMING);
  const rounds = await runRounds(bench, faults);
  await stopDrained(bench.stage);
  const grown = small === null ? [] : [await grow(bench, small, faults)];
  faults.push(...(await checkBooks(bench.stage)));
  const measures = [...rounds, ...(await engineMeasures(children, plan)), ...grown];
  return { measures, faults };
}

/** Naive, resting and trading in turn, each round beginning with another; then the latencies at two paces. */
async function runRounds(bench: Bench, faults: string[]): Promise<readonly Measure[]> {
  const { plan, stage, naive } = bench;
  const load = (shape: Load['shape'], seconds: number): Load => ({
    connections: CONNECTIONS,
    rate: null,
    warmUpSeconds: plan.warmUpSeconds,
    seconds,
    shape,
  });
  const drain = async () => {
    const seconds = await drainedAfter(stage);
    if (seconds > DRAINED_WITHIN_SECONDS) {
      faults.push(`engine, sealer and relay took ${seconds.toFixed(1)} s to come to rest after a load`);
    }
    return seconds;
  };
  const found = { naive: [] as number[], rest: [] as number[], trade: [] as number[] };
  const took = { naive: [] as number[], rest: [] as number[], trade: [] as number[] };
  const partials: number[] = [];
  const slow: Latency[] = [];
  const half: Latency[] = [];
  const turns = {
    naive: async () => {
      const runs: Awaited<ReturnType<Naive['run']>>[] = [];
      for (const clients of CLIENTS) {
        runs.push(await naive.run(clients, plan.naiveSeconds));
      }
      found.naive.push(Math.max(...runs.map(({ rate }) => rate)));
      took.naive.push(Math.min(...runs.map(({ cpuUs }) => cpuUs)));
      const words = runs.map(({ rate, cpuUs }) => `${Math.round(rate)} orders/s at ${cpuUs.toFixed(0)} µs`);
      process.stdout.write(`  naive    ${words.join(' and ')} of processor time an order\n`);
    },
    rest: async () => {
      const turn = await runLoad(stage, load('rest', plan.seconds));
      found.rest.push(turn.open / turn.seconds);
      took.rest.push(processorOf(turn));
      process.stdout.write(turnLine('resting', turn.open / turn.seconds, turn, await drain()));
    },
    trade: async () => {
      const turn = await runLoad(stage, load('trade', plan.tradeSeconds));
      const drained = await drain();
      const { perSecond, partial } = await settledWithin(stage, turn);
      found.trade.push(perSecond);
      took.trade.push(processorOf(turn));
      process.stdout.write(turnLine('trading', perSecond, turn, drained));
      process.stdout.write(`           ${(100 * partial).toFixed(1)} % of the fills were partial\n`);
      partials.push(partial);
    },
  };
  const order = [turns.naive, turns.rest, turns.trade];
  for (let round = 0; round < plan.rounds; round += 1) {
    process.stdout.write(`round ${round + 1} of ${plan.rounds}\n`);
    for (let place = 0; place < order.length; place += 1) {
      await order[(round + place) % order.length]?.();
    }
    slow.push(await latencies(bench, SLOW_RATE, faults));
    half.push(await latencies(bench, Math.round(median(found.rest) / 2), faults));
  }
  faults.push(...notOneInFour(partials));
  const us = (values: readonly number[]) => `${median(values).toFixed(0)} µs`;
  process.stdout.write(
    `processor time per order, all processes: naive ${us(took.naive)}, resting ${us(took.rest)}, trading ${us(took.trade)}\n`,
  );
  return [
    measureOf('P1', 'orders/s', found.rest, 2, found.naive),
    measureOf('P2', 'orders/s', found.trade, 1, found.naive),
    ...latencyMeasures(slow, half),
  ];
}

/** A fault where the load was not of the shape it should be; of the median turn, as the figure itself is. */
function notOneInFour(partials: readonly number[]): readonly string[] {
  const partial = median(partials);
  return Math.abs(partial - PARTIAL) > PARTIAL_WITHIN
    ? [`${(100 * partial).toFixed(1)} % of the fills were partial, not one in four`]
    : [];
}

/** @units multiples of one commit */
type Latency = { readonly p50: number; readonly p99: number };

function latencyMeasures(slow: readonly Latency[], half: readonly Latency[]): readonly Measure[] {
  const of = (turns: readonly Latency[], share: keyof Latency) => turns.map((turn) => turn[share]);
  return [
    measureOf('P4_p50', 'commits', of(slow, 'p50'), 5),
    measureOf('P4_p99', 'commits', of(slow, 'p99'), 15),
    measureOf('P4_half', 'commits', of(half, 'p99'), 40),
  ];
}

/** @units multiples of one commit, measured just before */
async function latencies({ plan, stage, naive }: Bench, rate: number, faults: string[]): Promise<Latency> {
  const seconds = plan.slowSeconds;
  const commitMs = await naive.commitMs(200);
  const turn = await runLoad(stage, { connections: 128, rate, warmUpSeconds: 1, seconds, shape: 'rest' });
  process.stdout.write(
    `${rate} orders/s: p50 ${turn.p50.toFixed(2)} ms, p99 ${turn.p99.toFixed(2)} ms, at most ${turn.max.toFixed(1)} ms;` +
      ` one commit ${commitMs.toFixed(2)} ms\n`,
  );
  faults.push(...refusedIn(`the load at ${rate} orders/s`, turn));
  return { p50: turn.p50 / commitMs, p99: turn.p99 / commitMs };
}

/**
 * Processor time per order at one pace, with at least so many orders in the books; turn after turn, since what grew does
 * not shrink.
 * @units microseconds
 */
async function growthTurns({ plan, stage }: Bench, orders: number, faults: string[]): Promise<number[]> {
  const load = { connections: 64, rate: GROWTH.rate, shape: 'rest' as const };
  if (orders === GROWTH.small) {
    await runLoad(stage, { ...load, warmUpSeconds: 0, seconds: GROWTH.small / GROWTH.rate });
  }
  const took: number[] = [];
  for (let turns = 0; turns < GROWTH_TURNS; turns += 1) {
    await drainedAfter(stage);
    const turn = await runLoad(stage, { ...load, warmUpSeconds: 1, seconds: plan.growthSeconds });
    const { bun, postgres } = turn.processor;
    process.stdout.write(turnLine(`${orders} orders`, turn.open / turn.seconds, turn, 0));
    faults.push(...refusedIn(`the load on ${orders} orders`, turn));
    took.push(bun + postgres);
  }
  return took;
}

async function grow(bench: Bench, small: readonly number[], faults: string[]): Promise<Measure> {
  const { system } = bench.stage;
  process.stdout.write(`growing to ${GROWTH.large} customers and as many resting orders\n`);
  await growCustomers(system.ctx, system.postgres.owner, GROWTH.large);
  await growOrders(system.ctx, system.postgres.owner, GROWTH.large);
  const product = await system.startProduct();
  const stage = { ...bench.stage, product };
  const large = await growthTurns({ ...bench, stage }, GROWTH.large, faults);
  await stopDrained(stage);
  const before = median(small);
  return measureOf(
    'P7',
    'times the processor',
    large.map((us) => us / before),
    1.3,
  );
}

/** Nobody seals what is left behind a stop, and the books would say so. */
async function stopDrained(stage: Stage): Promise<void> {
  await drainedAfter(stage);
  await stage.product.stop();
}

async function checkBooks({ system }: Stage): Promise<readonly string[]> {
  process.stdout.write('checking the books\n');
  return brokenBooks(system);
}

async function engineMeasures(children: Children, plan: Plan): Promise<readonly Measure[]> {
  const script = join(import.meta.dir, 'bench-engine.ts');
  const quick = plan === QUICK ? ['--quick'] : [];
  const child = children.start([process.execPath, script, ...quick], process.env);
  const printed = await new Response(child.stdout).text();
  const last = printed.trim().split('\n').at(-1) ?? '';
  const { measures } = JSON.parse(last) as { readonly measures: readonly Measure[] };
  const targets: Readonly<Record<string, number>> = { P6: 1, P6_rebuild_s: 10 };
  return measures.map((measure) => ({ ...measure, target: targets[measure.id] ?? 0, least: false }));
}

/** One load of each shape, with the statements it took; the server writes its profile as it ends. */
async function runProfile({ plan, stage }: Bench): Promise<Outcome> {
  for (const shape of ['rest', 'trade'] as const) {
    const load = { connections: CONNECTIONS, rate: null, warmUpSeconds: 0, seconds: plan.seconds * 2, shape };
    await runLoad(stage, load);
    await statementTable(stage.system.postgres.owner);
    const turn = await runLoad(stage, load);
    process.stdout.write(turnLine(shape, turn.open / turn.seconds, turn, await drainedAfter(stage)));
    process.stdout.write(await statementTable(stage.system.postgres.owner, turn.answered));
  }
  await stage.product.stop();
  process.stdout.write(`the profile of the server is in ${stage.dataDir}\n`);
  return { measures: [], faults: await checkBooks(stage) };
}
