/** However long the past of an instrument is: who asks for its newest prices reads them from the end of an index. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { type Login, openClient, type Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { startTradingDesk, type TradingDesk } from '../../../testing/trading-desk.ts';
import { readFigures, type Wanted } from '../alerts/read-figures.ts';
import type { Metric } from '../alerts/rules.ts';
import { createInstrument } from '../create-instrument.ts';
import { instrumentPricesAt } from '../prices-at.ts';
import { readCandles } from './candles.ts';

const INSTRUMENTS = 50;
/** Of each instrument, in each interval. */
const MINUTES = 600;
const TICKS = 1_200;

let desk: TradingDesk;
let ids: readonly Id[];
let now: Instant;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  now = desk.deps.clock.now();
  ids = await pastOf();
});
afterAll(async () => {
  await desk.close();
});

/** Makes instruments with a past, and has the planner know of it. */
async function pastOf(): Promise<readonly Id[]> {
  const one = parseAmount('1');
  const made: Id[] = [];
  for (let index = 0; index < INSTRUMENTS; index += 1) {
    const symbol = `PAST/USD.${index}`;
    const { id } = await createInstrument(desk.system, {
      symbol,
      name: symbol,
      type: 'crypto',
      exchange: 'CRYPTO',
      baseAsset: 'ETH',
      quoteAsset: 'USD',
      collarBps: 1000,
      makerFeeBps: 10,
      takerFeeBps: 20,
      fractional: true,
      settlementCycle: 'T+0',
      description: '',
      tick: one,
      lot: one,
      minQuantity: one,
      maxQuantity: one,
    });
    made.push(id);
  }
  await transact(desk.system, 'engine', async (tx) => {
    const wanted = sql`unnest(${sql.param(made)}::uuid[]) as i (id)`;
    await tx.execute(sql`insert into candles
      select i.id, each, date_trunc('minute', ${now}::timestamptz) - make_interval(mins => n), 1, 1, 1, 1, 1, 1,
        now(), 1, 'trades', now(), 1, 'trades'
      from ${wanted}, unnest(enum_range(null::candle_interval)) each, generate_series(1, ${MINUTES}::int) n`);
    await tx.execute(sql`insert into price_ticks
      select i.id, 'trades', n, 1, 1, ${now}::timestamptz - make_interval(secs => n * 10), ${now}::timestamptz
      from ${wanted}, generate_series(1, ${TICKS}::int) n`);
  });
  const owner = openClient(desk.database.owner, 1);
  await owner.unsafe('analyze candles, price_ticks, instruments');
  await owner.end({ timeout: 5 });
  return made;
}

/** How many rows of some tables are looked at for it, whatever comes of them. */
async function rowsRead(login: Login, tables: string, read: (tx: Tx) => Promise<unknown>): Promise<number> {
  return transact(desk.system, login, async (tx) => {
    const count = async (): Promise<number> => {
      const [row] = await tx.execute<{ rows: number }>(sql`
        select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int as rows
        from pg_stat_xact_user_tables where relname like ${tables}`);
      return row?.rows ?? Number.NaN;
    };
    const before = await count();
    await read(tx);
    return (await count()) - before;
  });
}

describe.each(['app', 'engine'] as const)('as %s', (login) => {
  test('the newest candles of an instrument are read, and none before them', async () => {
    const [id = ''] = ids;
    const range = { interval: '1m', to: now, limit: 5 } as const;
    expect(await rowsRead(login, 'candles', (tx) => readCandles(tx, id, range))).toBe(5);
  });

  test('a price of then is one candle of each instrument', async () => {
    const at = addMs(now, -3_600_000);
    const read = await rowsRead(login, 'candles', (tx) => instrumentPricesAt(tx, ids, at));
    expect(read).toBe(INSTRUMENTS);
  });

  test('figures read as many candles as they need, and the ticks since the last look', async () => {
    const metrics: readonly Metric[] = [
      { name: 'sma', interval: '1m', fast: 5, slow: 20 },
      { name: 'change', minutes: 30 },
      { name: 'price' },
    ];
    const known = {
      prints: new Map(),
      newest: addMs(now, -30_000),
      at: now,
      through: new Map(),
      opened: new Map(),
    };
    const wanted = ids.map(
      (instrumentId): Wanted => ({ instrumentId, last: parseAmount('1'), known, metrics }),
    );
    const read = (tables: string) => rowsRead(login, tables, (tx) => readFigures(tx, desk.system, wanted));
    // Five more: of those that ended since the last look each is looked at.
    expect(await read('candles')).toBe(INSTRUMENTS * (20 + 5 + 1));
    // The last 35 seconds; one that lies on the edge may be looked at and left.
    expect(await read('price_ticks%')).toBeLessThanOrEqual(INSTRUMENTS * 4);
  });
});
