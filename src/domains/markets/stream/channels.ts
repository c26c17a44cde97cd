import { z } from '@hono/zod-openapi';
import { STAFF_ROLES } from '../../../kernel/actor.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { changes } from '../../../platform/changes/changes.ts';
import { type Ctx, type Deps, machineCtx, perDeps } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { gather } from '../../../platform/gather.ts';
import { toWire } from '../../../platform/http/wire.ts';
import { type StreamChannel, streamChannel } from '../../../platform/stream/channel.ts';
import { symbolInput } from '../api.ts';
import { Candle, Quote } from '../prices/api.ts';
import { readCandles } from '../prices/candles.ts';
import { CANDLE_INTERVALS, type CandleInterval } from '../prices/fold-ticks.ts';
import { PRICES_SUBJECT } from '../prices/price-changes.ts';
import { quotesOf } from '../prices/quote.ts';
import { instrumentOf } from '../store.ts';

const EVERYONE = { customer: true, staff: STAFF_ROLES, scope: 'markets:read' } as const;

/** How many candles a snapshot shows. */
const SHOWN = 100;

/** Quotes that are read together. */
const TOGETHER = 200;

/** Reads the quotes of instruments that moved in the same moment by the same statements. */
const quoteReader = perDeps((deps: Deps) =>
  gather(async (instrumentIds: readonly Id[]) => {
    const ctx = readerOf(deps);
    const quotes = await transact(ctx, ctx.login, (tx) => quotesOf(tx, ctx, instrumentIds));
    return new Map(quotes.map((quote) => [quote.instrumentId, quote]));
  }),
);

/** The quote of an instrument as `GET …/quote` answers it; null before its first price. */
const quoteChannel = streamChannel({
  name: 'quotes',
  access: EVERYONE,
  params: z.strictObject({ symbol: symbolInput }),
  delivery: 'latest',
  everyMs: 100,
  together: TOGETHER,
  keyOf: (_ctx, { symbol }) => symbol,
  open: async ({ deps }, { symbol }) => {
    const ctx = readerOf(deps);
    const instrumentId = await idOf(ctx, symbol);
    const read = async () => {
      const quote = await quoteReader(deps)(instrumentId);
      return quote === undefined ? null : Quote.parse(toWire(quote));
    };
    let shown = await read();
    return {
      snapshot: () => shown,
      poll: async () => {
        const now = await read();
        const moved = !Bun.deepEquals(now, shown);
        shown = now;
        return moved ? [now] : [];
      },
      watch: (moved) => watch(deps, instrumentId, moved),
    };
  },
});

/** Candles of an instrument, oldest first: the newest, then those that changed or began since. */
const candleChannel = streamChannel({
  name: 'candles',
  access: EVERYONE,
  params: z.strictObject({ symbol: symbolInput, interval: z.enum(CANDLE_INTERVALS) }),
  delivery: 'every',
  everyMs: 500,
  keyOf: (_ctx, { symbol, interval }) => `${symbol} ${interval}`,
  open: async ({ deps }, { symbol, interval }) => {
    const ctx = readerOf(deps);
    const instrumentId = await idOf(ctx, symbol);
    let shown = await readShown(ctx, instrumentId, interval);
    return {
      snapshot: () => ({ candles: shown }),
      poll: async () => {
        const known = new Map(shown.map((candle) => [candle.openedAt, candle]));
        shown = await readShown(ctx, instrumentId, interval);
        const moved = shown.filter((candle) => !Bun.deepEquals(candle, known.get(candle.openedAt)));
        return moved.length === 0 ? [] : [{ candles: moved }];
      },
      watch: (moved) => watch(deps, instrumentId, moved),
    };
  },
});

/** What of markets can be subscribed to. */
export const marketChannels: readonly StreamChannel[] = [quoteChannel, candleChannel];

async function readShown(ctx: Ctx, instrumentId: Id, interval: CandleInterval) {
  const rows = await transact(ctx, ctx.login, (tx) =>
    readCandles(tx, instrumentId, { interval, limit: SHOWN }),
  );
  return rows.reverse().map((row) => Candle.parse(toWire(row)));
}

/** @errors not_found */
async function idOf(ctx: Ctx, symbol: string): Promise<Id> {
  return (await transact(ctx, ctx.login, (tx) => instrumentOf(tx, symbol))).id;
}

function watch(deps: Deps, instrumentId: Id, moved: () => void): () => void {
  return changes(deps).on(`${PRICES_SUBJECT}.${instrumentId}`, moved);
}

/** Reads what is published to all; nobody's rows. */
function readerOf(deps: Deps): Ctx {
  return { ...machineCtx(deps, { kind: 'system', name: 'stream' }, newId()), login: 'app' };
}
