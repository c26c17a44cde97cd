/**
 * What a price sets off, from the tick at an exchange to what customers see of it: the tick stored with its candles,
 * positions marked and what they lost held, quotes at the subscribers of the stream, alerts of all five kinds told, and
 * exits of positions ordered. A server of its own runs as `bun start` runs it, on an embedded PostgreSQL with durable
 * settings, and listens to an exchange that a process of this machine plays in the format of Coinbase. Customers ask for
 * everything over HTTP before it begins. Each figure counts from when the exchange sent the tick to when what it caused
 * was committed, or came to the subscriber; the target is that of docs/howto/price-alerts.md and docs/howto/margin.md:
 * a second, for 99 of 100.
 * Usage: bun run bench prices [--quick] [--profile]
 * `--quick` takes a fifth of the instruments, and a quarter of the time; `--profile` writes where the processor's time
 * goes to the folder it names, and judges no figure.
 * Exit 1 on a missed target, something told twice or not at all, or a break in the books; 2 on wrong use.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EmbeddedServer } from '../src/platform/db/embedded.ts';
import { type Children, keepChildren, onEnding } from './orders-bench/children.ts';
import { statementTable } from './orders-bench/statements.ts';
import { brokenBooks, startSystem } from './orders-bench/system.ts';
import type { Course } from './prices-bench/course.ts';
import { openFirm } from './prices-bench/firm.ts';
import { askForAlerts, openPositions, peopleFor, setExits, signIn } from './prices-bench/holdings.ts';
import { linesOf, runCourse } from './prices-bench/measure.ts';
import { printFigures } from './prices-bench/report.ts';

/** @shape minutes: how much of the past there is */
type Plan = Course & { readonly minutes: number };

const FULL: Plan = { instruments: 500, rate: 250, seconds: 60, minutes: 1_440 };
const QUICK: Plan = { instruments: 100, rate: 100, seconds: 15, minutes: 120 };
const WAL_MB = 500;
const EXCHANGE = join(import.meta.dir, 'prices-bench', 'exchange.ts');

process.exit(await main(process.argv.slice(2)));

async function main(options: readonly string[]): Promise<number> {
  if (options.some((option) => option !== '--quick' && option !== '--profile')) {
    process.stderr.write('Usage: bun run bench prices [--quick] [--profile]\n');
    return 2;
  }
  const plan = options.includes('--quick') ? QUICK : FULL;
  const profile = options.includes('--profile');
  const dataDir = mkdtempSync(join(tmpdir(), 'plimsoll-bench-prices-'));
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
    return await run(plan, { dataDir, children, profile }, (starting) => {
      postgres = starting;
    });
  } catch (error) {
    process.stderr.write(`bench prices: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await end();
  }
}

type Run = { readonly dataDir: string; readonly children: Children; readonly profile: boolean };

async function run(
  plan: Plan,
  { dataDir, children, profile }: Run,
  starting: (postgres: Promise<EmbeddedServer>) => void,
): Promise<number> {
  const { instruments, rate, seconds, minutes } = plan;
  const people = peopleFor(instruments);
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const settings = ['track_commit_timestamp=on'];
  const system = await startSystem({ dataDir, children, walMb: WAL_MB, profile, settings }, starting);
  say(`making ${instruments} instruments with ${minutes} minutes of their past, and ${people} customers`);
  const { customers, instrumentIds } = await openFirm(system.ctx, { instruments, people, minutes });
  const exchange = await startExchange(children);
  const product = await system.startProduct({ PLIMSOLL_FEEDS: `coinbase:url=${exchange}/` });
  const tokens = await signIn(system.ctx, customers);
  const floor = { ctx: system.ctx, port: product.port, instruments, tokens };
  say(`opening ${4 * instruments} positions and asking for ${20 * instruments} alerts`);
  const positionIds = await openPositions(floor, customers);
  const exits = await setExits(floor);
  const alerts = await askForAlerts(floor, customers);
  await system.analyze();
  say(`${rate} ticks a second for ${seconds} s`);
  if (profile) {
    await statementTable(system.postgres.owner);
  }
  const figures = await runCourse({
    system,
    product,
    children,
    dataDir,
    course: { instruments, rate, seconds },
    exchange: exchange.replace('ws:', 'http:'),
    instrumentIds,
    positionIds,
    tokens: [...tokens.values()],
    alerts,
    exits,
  });
  if (profile) {
    say(await statementTable(system.postgres.owner, figures.ticks));
  }
  await product.stop();
  say('checking the books');
  const breaks = await brokenBooks(system);
  await system.close();
  const code = printFigures({ ...figures, faults: [...breaks, ...figures.faults] }, seconds, !profile);
  if (profile) {
    say(`the profile of the server is in ${dataDir}`);
  }
  return code;
}

/** @shape the address it is at */
async function startExchange(children: Children): Promise<string> {
  const child = children.start([process.execPath, EXCHANGE], process.env);
  const { value } = await linesOf(child).next();
  if (value === undefined) {
    throw new Error('the exchange did not start');
  }
  return value.replace('http:', 'ws:');
}
