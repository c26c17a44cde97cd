/** The feeds by what they say, without a database: what of it is believed is tested with the prices. */
import { afterEach, describe, expect, test } from 'bun:test';
import type { ServerWebSocket } from 'bun';
import { parseAmount } from '../../../kernel/amount.ts';
import { instantOfMs, parseInstant } from '../../../kernel/time.ts';
import { openSocket } from '../../../platform/http/outbound-socket.ts';
import { parsePriceFeeds } from '../../../platform/http/price-feeds.ts';
import { buildLogger } from '../../../platform/log/logger.ts';
import type { FeedQuote, FeedTick } from '../prices/rules.ts';
import { coinbaseFeed } from './coinbase.ts';
import { readCoinbase } from './coinbase-messages.ts';
import { csvFeed } from './csv-feed.ts';
import { readTickFile, TickFileError } from './csv-ticks.ts';
import { type FeedInstrument, type FeedSink, wasSetBack } from './feed.ts';
import { simulatorFeed } from './simulator.ts';

type Heard = {
  readonly ticks: FeedTick[];
  readonly quotes: FeedQuote[];
  readonly alive: string[];
  readonly gaps: string[];
  readonly sink: FeedSink;
};

function listen(): Heard {
  const [ticks, quotes, alive, gaps]: [FeedTick[], FeedQuote[], string[], string[]] = [[], [], [], []];
  const sink: FeedSink = {
    tick: (tick) => ticks.push(tick),
    quote: (quote) => quotes.push(quote),
    alive: (symbol, at) => alive.push(`${symbol} ${at}`),
    gap: (symbol, missing) => gaps.push(`${symbol} ${missing}`),
  };
  return { ticks, quotes, alive, gaps, sink };
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    expect(tries).toBeLessThan(1_000);
    await Bun.sleep(5);
  }
}

function instrument(symbol: string, last: string, lastSequence: bigint | null = null): FeedInstrument {
  return {
    symbol,
    tick: parseAmount('0.01'),
    lot: parseAmount('0.001'),
    last: parseAmount(last),
    lastSequence,
  };
}

describe('the simulator', () => {
  const start = parseInstant('2026-01-01T00:00:00Z');

  async function walk(seed: bigint, ticks: number): Promise<Heard> {
    const heard = listen();
    const feed = simulatorFeed({ seed, now: () => start, intervalMs: 1 });
    feed.start([instrument('A/USD', '60000'), instrument('B/USD', '0.05')], heard.sink);
    await until(() => heard.ticks.length >= ticks);
    await feed.stop();
    return heard;
  }

  test('walks the same way from the same seed, another way from another, and stops when it is told', async () => {
    const [first, same, other] = [await walk(7n, 200), await walk(7n, 200), await walk(8n, 200)];
    expect(first.ticks.slice(0, 200)).toEqual(same.ticks.slice(0, 200));
    expect(first.ticks.slice(0, 200)).not.toEqual(other.ticks.slice(0, 200));
    const said = first.ticks.length;
    await Bun.sleep(10);
    expect(first.ticks.length).toBe(said);
  });

  test('stays on the tick, counts on, and keeps within a thousandth of where it began', async () => {
    const { ticks, quotes } = await walk(3n, 600);
    const bitcoin = ticks.filter(({ symbol }) => symbol === 'A/USD');
    expect(bitcoin.map(({ sequence }) => sequence)).toEqual(bitcoin.map((_tick, index) => BigInt(index + 1)));
    for (const { price } of bitcoin) {
      expect(parseAmount(price) % parseAmount('0.01')).toBe(0n);
      expect(parseAmount(price)).toBeGreaterThanOrEqual(parseAmount('59940'));
      expect(parseAmount(price)).toBeLessThanOrEqual(parseAmount('60060'));
    }
    expect(new Set(bitcoin.map(({ price }) => price)).size).toBeGreaterThan(50);
    for (const { bid, ask } of quotes) {
      expect(parseAmount(bid)).toBeLessThan(parseAmount(ask));
      expect(parseAmount(bid)).toBeGreaterThan(0n);
    }
  });
});

describe('a file of ticks', () => {
  const HEAD = 'symbol,price,size,sequence,occurredAt';
  const LINES = ['X,100.5,1,1,2026-01-01T00:00:00Z', 'X,101,2,2,2026-01-01T00:00:00.040Z'];

  test('is played in its order, as far apart as it happened, from now on', async () => {
    const heard = listen();
    let ended = 0;
    const ticks = readTickFile([HEAD, ...LINES].join('\n'));
    const now = () => instantOfMs(Date.parse('2026-05-05T00:00:00Z'));
    csvFeed({ ticks, speed: 2, now, ended: () => (ended += 1) }).start([], heard.sink);
    expect(heard.ticks).toHaveLength(1);
    await until(() => ended === 1);
    expect(heard.ticks.map(({ sequence, occurredAt }) => `${sequence} ${occurredAt}`)).toEqual([
      '1 2026-05-05T00:00:00.000000Z',
      '2 2026-05-05T00:00:00.020000Z',
    ]);
  });

  test('that is none says which line is wrong', () => {
    const wrong = [
      'price,size',
      `${HEAD}\nX,1,1,one,2026-01-01T00:00:00Z`,
      `${HEAD}\n${LINES[0]}\nX,1,1,2,yesterday`,
      `${HEAD}\nX,1`,
    ];
    const messages = wrong.map((text) => {
      try {
        return readTickFile(text).length;
      } catch (failure) {
        return failure instanceof TickFileError ? failure.message : failure;
      }
    });
    expect(messages[0]).toContain('the first line');
    expect(messages[1]).toContain('line 2');
    expect(messages[2]).toContain('line 3');
    expect(messages[3]).toBeString();
  });
});

describe('Coinbase Exchange', () => {
  const stops: (() => unknown)[] = [];

  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()));
  });

  /** Plays the exchange: waits for the subscription, then says what it is told to. */
  function exchange() {
    const subscriptions: unknown[] = [];
    const open: ServerWebSocket<undefined>[] = [];
    const server = Bun.serve({
      port: 0,
      fetch: (request, bun) => (bun.upgrade(request) ? undefined : new Response('', { status: 400 })),
      websocket: {
        message: (socket, text) => {
          subscriptions.push(JSON.parse(String(text)));
          open.push(socket);
          socket.send(JSON.stringify({ type: 'subscriptions', channels: [] }));
        },
      },
    });
    stops.push(() => server.stop(true));
    const say = (message: object | string) =>
      open.at(-1)?.send(typeof message === 'string' ? message : JSON.stringify(message));
    return { url: `ws://127.0.0.1:${server.port}/`, subscriptions, open, say };
  }

  function listenTo(
    url: string,
    heard: Heard,
    { lastSequence = null as bigint | null, silenceMs = 5_000 } = {},
  ): void {
    const feed = coinbaseFeed({
      url,
      mode: 'sandbox',
      log: buildLogger('silent'),
      silenceMs,
      firstRetryMs: 5,
    });
    stops.push(feed.stop);
    feed.start([instrument('BTC-USD', '60000', lastSequence)], heard.sink);
  }

  const match = (tradeId: number, price = '60000.01', type = 'match') => ({
    type,
    trade_id: tradeId,
    sequence: tradeId * 10,
    maker_order_id: 'ac928c66-ca53-498f-9c13-a110027a60e8',
    taker_order_id: '132fb6ae-456b-4654-b4e0-d681ac05cea1',
    time: '2026-01-07T08:19:27.028459Z',
    product_id: 'BTC-USD',
    size: '5.23512',
    price,
    side: 'sell',
  });
  const BEAT_AT = parseInstant('2026-01-07T08:19:28.464459Z');
  const beat = (lastTradeId: number) => ({
    type: 'heartbeat',
    sequence: 90,
    last_trade_id: lastTradeId,
    product_id: 'BTC-USD',
    time: '2026-01-07T08:19:28.464459Z',
  });
  const ticker = {
    type: 'ticker',
    sequence: 37_475_248_783,
    product_id: 'BTC-USD',
    price: '1285.22',
    open_24h: '1310.79',
    best_bid: '60000.00',
    best_ask: '60000.02',
    time: '2026-01-07T08:19:28.464459Z',
    trade_id: 5,
    last_size: '11.4396987',
  };

  test('is asked for its products, and its trades and quotes come as they were said', async () => {
    const [{ url, subscriptions, say }, heard] = [exchange(), listen()];
    listenTo(url, heard);
    await until(() => subscriptions.length === 1);
    expect(subscriptions).toEqual([
      { type: 'subscribe', product_ids: ['BTC-USD'], channels: ['matches', 'ticker', 'heartbeat'] },
    ]);
    say(match(5, '60000.01', 'last_match'));
    say(ticker);
    say({ type: 'something new', product_id: 'BTC-USD' });
    say('no json');
    say(beat(5));
    await until(() => heard.alive.length === 1);
    expect(heard.ticks).toEqual([
      {
        symbol: 'BTC-USD',
        price: '60000.01',
        size: '5.23512',
        sequence: 5n,
        occurredAt: parseInstant('2026-01-07T08:19:27.028459Z'),
        retold: true,
      },
    ]);
    // The first of a connection bears the time of a trade; from then on each comes when it is made.
    const top = { symbol: 'BTC-USD', bid: '60000.00', ask: '60000.02', occurredAt: BEAT_AT };
    expect(heard.quotes).toEqual([{ ...top, retold: true }]);
    say(ticker);
    await until(() => heard.quotes.length === 2);
    expect(heard.quotes[1]).toEqual(top);
    expect(heard.alive).toEqual([`BTC-USD ${BEAT_AT}`]);
    expect(heard.gaps).toEqual([]);
  });

  test('leaves a gap that the next trade shows, or a heartbeat whose trade did not come', async () => {
    const [{ url, subscriptions, say }, heard] = [exchange(), listen()];
    listenTo(url, heard, { lastSequence: 4n });
    await until(() => subscriptions.length === 1);
    for (const message of [match(4, '1', 'last_match'), match(5), match(9), beat(9), beat(11), match(10)]) {
      say(message);
    }
    await until(() => heard.ticks.length === 3);
    expect(heard.gaps).toEqual(['BTC-USD 3']);
    expect(heard.alive).toHaveLength(1);
    say(beat(11));
    await until(() => heard.gaps.length === 2);
    expect(heard.gaps).toEqual(['BTC-USD 3', 'BTC-USD 1']);
    // What did not come may have had another price: nothing is confirmed before the next that comes.
    for (const message of [beat(11), beat(0), ticker, match(12)]) {
      say(message);
    }
    await until(() => heard.ticks.length === 4);
    expect([heard.quotes.length, heard.alive.length]).toEqual([1, 1]);
    // It has long said 0, which is no trade.
    say(beat(0));
    await until(() => heard.alive.length >= 2);
  });

  test('whose heartbeats name no trade stands by none that this connection did not tell of', async () => {
    const [{ url, subscriptions, open, say }, heard] = [exchange(), listen()];
    listenTo(url, heard, { lastSequence: 5n });
    await until(() => subscriptions.length === 1);
    say(beat(0));
    say(match(5, '60000.01', 'last_match'));
    say(beat(0));
    await until(() => heard.alive.length >= 1);
    open.at(-1)?.close();
    await until(() => subscriptions.length === 2);
    say(beat(0));
    say(match(6));
    await until(() => heard.ticks.length === 1);
    expect(heard.alive).toHaveLength(1);
    // The one that a heartbeat missed is told of by the next connection.
    say(beat(7));
    say(beat(7));
    await until(() => heard.gaps.length === 1);
    open.at(-1)?.close();
    await until(() => subscriptions.length === 3);
    say(match(7, '60000.01', 'last_match'));
    say(beat(7));
    await until(() => heard.alive.length === 2);
    expect(heard.ticks.map((tick) => tick.sequence)).toEqual([6n, 7n]);
  });

  test('is connected to again when it is silent, ends or refuses, and goes on where it was', async () => {
    const [{ url, subscriptions, open, say }, heard] = [exchange(), listen()];
    listenTo(url, heard, { silenceMs: 150 });
    await until(() => subscriptions.length >= 1);
    say(match(5));
    await until(() => heard.ticks.length === 1);
    // Nothing is said any more.
    await until(() => subscriptions.length >= 2);
    say(match(5, '60000.01', 'last_match'));
    open.at(-1)?.close();
    await until(() => subscriptions.length >= 3);
    say({ type: 'error', message: 'Failed to subscribe', reason: 'BTC-USD is not a valid product' });
    await until(() => subscriptions.length >= 4);
    say(match(7));
    await until(() => heard.ticks.length === 2);
    expect(heard.ticks.map(({ sequence }) => sequence)).toEqual([5n, 7n]);
    expect(heard.gaps).toEqual(['BTC-USD 1']);
  });

  test('is not read where it breaks its contract', () => {
    const broken = [
      { ...match(5), trade_id: '5' },
      { ...match(5), trade_id: 5.5 },
      { ...match(5), price: 60_000.01 },
      { ...match(5), time: 'now' },
      { ...ticker, best_bid: 1 },
      { ...beat(5), product_id: '' },
      { ...beat(5), time: undefined },
      { ...ticker, time: undefined },
      { no: 'type' },
      [],
    ];
    expect(broken.map((message) => readCoinbase(JSON.stringify(message)))).toEqual(broken.map(() => null));
  });
});

describe('a feed outside', () => {
  test('is reached by wss at a public address; plain and inward only in the sandbox, on this machine', async () => {
    const opened = async (mode: 'sandbox' | 'production', url: string) => {
      const socket = await openSocket({ mode }, url);
      if (typeof socket === 'string') {
        return socket;
      }
      socket.close();
      return 'opened';
    };
    expect(await opened('sandbox', 'ws://127.0.0.1:1/')).toBe('opened');
    expect(await opened('production', 'ws://127.0.0.1:1/')).toBe('refused_address');
    expect(await opened('production', 'wss://127.0.0.1:1/')).toBe('refused_address');
    expect(await opened('sandbox', 'wss://10.0.0.1/')).toBe('refused_address');
    expect(await opened('sandbox', 'wss://169.254.169.254/')).toBe('refused_address');
    expect(await opened('sandbox', 'ws://93.184.216.34/')).toBe('refused_address');
    expect(await opened('sandbox', 'https://93.184.216.34/')).toBe('bad_url');
  });

  test('is connected to anew where people let it count from elsewhere, and for nothing else', () => {
    const at = (symbol: string, lastSequence: bigint | null) => instrument(symbol, '100', lastSequence);
    const before = [at('BTC-USD', 7n), at('ETH-USD', null)];
    expect(wasSetBack(before, before)).toBe(false);
    expect(wasSetBack(before, [at('BTC-USD', 9n), at('ETH-USD', 1n)])).toBe(false);
    expect(wasSetBack(before, [at('BTC-USD', null), at('ETH-USD', 1n)])).toBe(true);
    // The other symbol has gone on meanwhile, and this one was begun anew and told of something since.
    expect(wasSetBack(before, [at('BTC-USD', 2n), at('ETH-USD', 5n)])).toBe(true);
  });

  test('is named in the settings, each once, and nothing else is', () => {
    expect(parsePriceFeeds('off')).toEqual([]);
    expect(parsePriceFeeds('simulator:seed=42, coinbase')).toEqual([
      { name: 'simulator', seed: 42n },
      { name: 'coinbase', url: 'wss://ws-feed.exchange.coinbase.com/', history: null },
    ]);
    const [named] = parsePriceFeeds('coinbase:history=on');
    const [plain] = parsePriceFeeds('coinbase:url=ws://127.0.0.1:1/:history=http://127.0.0.1:2/');
    expect([named, plain]).toMatchObject([
      { history: 'https://api.exchange.coinbase.com' },
      { url: 'ws://127.0.0.1:1/', history: 'http://127.0.0.1:2' },
    ]);
    for (const wrong of [
      '',
      'kraken',
      'simulator,simulator',
      'simulator:url=wss://a.example',
      'simulator:seed=x',
      'coinbase:url=https://a.example',
      'coinbase:url=ws://a.example',
      'coinbase:url=wss://me:secret@a.example',
      'coinbase:seed=1',
      'coinbase:history=http://a.example',
      'coinbase:history=https://me:secret@a.example',
      'coinbase:history=https://a.example?x=1',
      'coinbase:history=on:history=off',
    ]) {
      expect(() => parsePriceFeeds(wrong)).toThrow();
    }
  });
});
