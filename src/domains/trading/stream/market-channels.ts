import { z } from '@hono/zod-openapi';
import { and, asc, desc, eq, gt, isNull, lte } from 'drizzle-orm';
import { STAFF_ROLES } from '../../../kernel/actor.ts';
import { firstIdAt, type Id, newId } from '../../../kernel/id.ts';
import { changes } from '../../../platform/changes/changes.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { toWire } from '../../../platform/http/wire.ts';
import { type Feed, streamChannel } from '../../../platform/stream/channel.ts';
import { instrumentOf, symbolInput } from '../../markets/index.ts';
import { OrderBook, Trade } from '../api.ts';
import { trades } from '../schema.ts';
import { getOrderBook } from '../store.ts';
import { ORDERS_MOVED } from './moved.ts';

const EVERYONE = { customer: true, staff: STAFF_ROLES, scope: 'markets:read' } as const;

/** Few, so that many readers share a reading. */
const DEPTHS: readonly number[] = [5, 20, 50];

/** How many trades a snapshot shows. */
const RECENT = 50;
const PAGE = 1_000;
/** A book that moved to another process is settled by another clock. */
const CLOCK_SKEW_MS = 1_000;

/** The best prices of a live book, four times a second at most. */
export const bookChannel = streamChannel({
  name: 'book',
  access: EVERYONE,
  params: z.strictObject({
    symbol: symbolInput,
    levels: z
      .int()
      .refine((levels) => DEPTHS.includes(levels), `must be one of ${DEPTHS.join(', ')}`)
      .default(20),
  }),
  delivery: 'latest',
  everyMs: 250,
  keyOf: (_ctx, { symbol, levels }) => `${symbol} ${levels}`,
  open: async ({ deps }, { symbol, levels }) => {
    const ctx = readerOf(deps);
    const read = async () => OrderBook.parse(toWire(await getOrderBook(ctx, symbol, levels)));
    let shown = await read();
    return {
      snapshot: () => shown,
      poll: async () => {
        const now = await read();
        const moved = !Bun.deepEquals([now.bids, now.asks], [shown.bids, shown.asks]);
        shown = now;
        return moved ? [now] : [];
      },
      watch: (moved) => changes(deps).on(ORDERS_MOVED, moved),
    };
  },
});

/** The public prints of a live book; each message has all that came since the one before. */
export const tradeChannel = streamChannel({
  name: 'trades',
  access: EVERYONE,
  params: z.strictObject({ symbol: symbolInput }),
  delivery: 'every',
  everyMs: 100,
  keyOf: (_ctx, { symbol }) => symbol,
  open: ({ deps }, { symbol }) => openTradeFeed(readerOf(deps), symbol),
});

type WireTrade = z.output<typeof Trade>;

async function openTradeFeed(ctx: Ctx, symbol: string): Promise<Feed> {
  const ofBook = (instrumentId: Id) =>
    and(eq(trades.instrumentId, instrumentId), eq(trades.book, 'live'), isNull(trades.venue));
  const { instrumentId, newest, close } = await transact(ctx, ctx.login, async (tx) => {
    const { id } = await instrumentOf(tx, symbol);
    const rows = await tx.select().from(trades).where(ofBook(id)).orderBy(desc(trades.id)).limit(RECENT);
    const [top] = rows;
    const before =
      top === undefined
        ? []
        : await tx
            .select({ id: trades.id })
            .from(trades)
            .where(and(ofBook(id), gt(trades.id, shortlyBefore(top.id)), lte(trades.id, top.id)));
    return { instrumentId: id, newest: rows.reverse(), close: before };
  });
  // All that the look back of the next poll will find again.
  const told = new Set<Id>(close.map(({ id }) => id));
  let recent = newest.map(wireTrade);
  let last = newest.at(-1)?.id ?? firstIdAt(ctx.deps.clock.realMs());
  return {
    snapshot: () => ({ trades: recent }),
    poll: async () => {
      const after = shortlyBefore(last);
      const rows = await transact(ctx, ctx.login, (tx) =>
        tx
          .select()
          .from(trades)
          .where(and(ofBook(instrumentId), gt(trades.id, after)))
          .orderBy(asc(trades.id))
          .limit(told.size + PAGE),
      );
      const fresh = rows.filter(({ id }) => !told.has(id));
      for (const { id } of fresh) {
        told.add(id);
        last = id > last ? id : last;
      }
      for (const id of told) {
        if (id <= after) {
          told.delete(id);
        }
      }
      recent = [...recent, ...fresh.map(wireTrade)].slice(-RECENT);
      return fresh.length === 0 ? [] : [{ trades: fresh.map(wireTrade) }];
    },
    watch: (moved) => changes(ctx.deps).on(ORDERS_MOVED, moved),
  };
}

function shortlyBefore(id: Id): Id {
  return firstIdAt(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) - CLOCK_SKEW_MS);
}

/** A trade as `GET /v1/instruments/{symbol}/trades` answers it. */
function wireTrade(trade: typeof trades.$inferSelect): WireTrade {
  return Trade.parse(toWire(trade));
}

/** Reads what is published to all; nobody's rows. */
function readerOf(deps: Deps): Ctx {
  return { ...machineCtx(deps, { kind: 'system', name: 'stream' }, newId()), login: 'app' };
}
