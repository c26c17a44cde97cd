/**
 * `bun run feed replay FILE [--speed N]`: plays a file of ticks as if they happened now, in the sandbox, for
 * the instruments that the feed `replay` prices. `bun run feed repair FEED FILE`: brings in ticks that a feed
 * missed. `bun run feed rebuild SYMBOL FROM TO`: makes candles again from the ticks there are. 0 when all
 * was believed, 1 when some was not, 2 for wrong use.
 */
import { readFileSync } from 'node:fs';
import {
  FEED_NAMES,
  type FeedName,
  readTickFile,
  rebuildCandles,
  repairTicks,
  replayTicks,
  TickFileError,
} from '../src/domains/markets/index.ts';
import { type Instant, parseInstant } from '../src/kernel/time.ts';
import type { Ctx } from '../src/platform/context.ts';
import { withSystem } from './open-system.ts';

const [verb = '', ...rest] = process.argv.slice(2);
const work = workOf(verb, rest);
if (work === undefined) {
  process.stderr.write(
    'Usage:\n  bun run feed replay FILE [--speed N]\n  bun run feed repair FEED FILE\n  bun run feed rebuild SYMBOL FROM TO\n',
  );
  process.exit(2);
}
await withSystem('feed', ({ ctx, config }) => work(ctx, config.mode));

type Work = (ctx: Ctx, mode: 'sandbox' | 'production') => Promise<number>;

function workOf(name: string, words: readonly string[]): Work | undefined {
  const [first = '', second = '', third = '', ...more] = words;
  switch (name) {
    case 'replay': {
      const speed = second === '--speed' ? third : second === '' ? '1' : 'none';
      return first !== '' && /^\d{1,6}$/.test(speed) && more.length === 0
        ? (ctx, mode) => replay(ctx, mode, first, Number.parseInt(speed, 10))
        : undefined;
    }
    case 'repair': {
      const feed = FEED_NAMES.find((known) => known === first);
      return feed !== undefined && second !== '' && third === ''
        ? (ctx) => repair(ctx, feed, second)
        : undefined;
    }
    case 'rebuild': {
      const [from, to] = [instantIn(second), instantIn(third)];
      return from !== undefined && to !== undefined && from < to && more.length === 0
        ? (ctx) => rebuild(ctx, first, from, to)
        : undefined;
    }
    default:
      return undefined;
  }
}

async function replay(ctx: Ctx, mode: string, path: string, speed: number): Promise<number> {
  if (mode === 'production') {
    process.stderr.write('Prices that happened before are not played where money is real.\n');
    return 1;
  }
  return withFile(path, async (ticks) => {
    const { accepted, quarantined } = await replayTicks(ctx, ticks, speed);
    process.stdout.write(`${accepted} ticks taken, ${quarantined} held back\n`);
    return quarantined === 0 ? 0 : 1;
  });
}

function repair(ctx: Ctx, feed: FeedName, path: string): Promise<number> {
  return withFile(path, async (ticks) => {
    const { kept, known, refused } = await repairTicks(ctx, feed, ticks);
    process.stdout.write(`${kept} ticks brought in, ${known} known already, ${refused} refused\n`);
    return refused === 0 ? 0 : 1;
  });
}

async function rebuild(ctx: Ctx, symbol: string, from: Instant, to: Instant): Promise<number> {
  const written = await rebuildCandles(ctx, symbol, from, to);
  if (written === null) {
    process.stderr.write('Ticks of that time are gone, or may be; its candles stay as they are.\n');
    return 1;
  }
  process.stdout.write(`${written} candles written\n`);
  return 0;
}

async function withFile(
  path: string,
  use: (ticks: ReturnType<typeof readTickFile>) => Promise<number>,
): Promise<number> {
  let ticks: ReturnType<typeof readTickFile>;
  try {
    ticks = readTickFile(readFileSync(path, 'utf8'));
  } catch (failure) {
    if (failure instanceof TickFileError) {
      process.stderr.write(`${path}: ${failure.message}\n`);
      return 1;
    }
    throw failure;
  }
  return use(ticks);
}

function instantIn(text: string): Instant | undefined {
  try {
    return parseInstant(text);
  } catch {
    return undefined;
  }
}
