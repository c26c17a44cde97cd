/**
 * Coinbase Exchange's public market data as a feed. Trades are counted by the exchange for each product, so
 * that a trade that did not arrive is noticed by the next one, or by a heartbeat. A connection that is
 * silent is given up; every new one is tried later than the one before until something is heard. It does not
 * fetch what it missed: the exchange keeps that elsewhere, where `fillGaps` or people get it.
 */
import type { Logger } from 'pino';
import type { Mode } from '../../../platform/context.ts';
import { openSocket } from '../../../platform/http/outbound-socket.ts';
import type { FeedQuote, FeedTick } from '../prices/rules.ts';
import { type CoinbaseMessage, readCoinbase, subscriptionTo } from './coinbase-messages.ts';
import type { Feed, FeedInstrument, FeedSink } from './feed.ts';

export type CoinbaseParts = {
  readonly url: string;
  readonly mode: Mode;
  readonly log: Logger;
  /** How long nothing may be heard; each product beats once a second. */
  readonly silenceMs?: number;
  /** What a first new try waits; each further one waits twice as long, up to half a minute. */
  readonly firstRetryMs?: number;
};

const SILENCE_MS = 10_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
const LONGEST_MESSAGE_CHARACTERS = 256 * 1024;

type Heartbeat = Extract<CoinbaseMessage, { readonly type: 'heartbeat' }>;

type Product = {
  /** The last trade that arrived. */
  seen: bigint | null;
  /** What the last heartbeat said was the last trade. */
  claimed: bigint | null;
  /** Whether this connection told of a trade. */
  heard: boolean;
  /** Whether this connection told of a bid and an ask. */
  quoted: boolean;
  /** Whether a trade did not come, and none at its place or after it. */
  missed: boolean;
};

type State = {
  readonly parts: CoinbaseParts;
  readonly products: ReadonlyMap<string, Product>;
  readonly sink: FeedSink;
  socket: WebSocket | undefined;
  retryMs: number;
  retryTimer: Timer | undefined;
  silenceTimer: Timer | undefined;
  stopped: boolean;
};

/** The feed `coinbase`, which connects when it is started. */
export function coinbaseFeed(parts: CoinbaseParts): Feed {
  let state: State | undefined;
  return {
    name: 'coinbase',
    start: (instruments, sink) => {
      state = {
        parts,
        products: productsOf(instruments),
        sink,
        socket: undefined,
        retryMs: parts.firstRetryMs ?? FIRST_RETRY_MS,
        retryTimer: undefined,
        silenceTimer: undefined,
        stopped: false,
      };
      void connect(state);
    },
    stop: async () => {
      if (state !== undefined) {
        state.stopped = true;
        clearTimeout(state.retryTimer);
        leave(state);
      }
    },
  };
}

function productsOf(instruments: readonly FeedInstrument[]): ReadonlyMap<string, Product> {
  return new Map(
    instruments.map(({ symbol, lastSequence }) => [
      symbol,
      { seen: lastSequence, claimed: null, heard: false, quoted: false, missed: false },
    ]),
  );
}

async function connect(state: State): Promise<void> {
  const { parts, products } = state;
  const socket = await openSocket(parts, parts.url);
  if (typeof socket === 'string') {
    parts.log.error({ feed: 'coinbase', failure: socket }, 'a price feed cannot be connected to');
    retry(state);
    return;
  }
  if (state.stopped) {
    socket.close();
    return;
  }
  state.socket = socket;
  for (const product of products.values()) {
    product.heard = false;
    product.quoted = false;
  }
  const current = (): boolean => state.socket === socket;
  const lose = (): void => {
    if (current()) {
      leave(state);
      retry(state);
    }
  };
  socket.onopen = () => socket.send(subscriptionTo([...products.keys()]));
  socket.onmessage = ({ data }) => {
    if (current()) {
      hear(state, data, lose);
    }
  };
  socket.onclose = lose;
  socket.onerror = lose;
  expectSound(state, lose);
}

/** Gives the connection up; what it still says is not heard. */
function leave(state: State): void {
  const { socket } = state;
  state.socket = undefined;
  clearTimeout(state.silenceTimer);
  socket?.close();
}

function retry(state: State): void {
  if (!state.stopped) {
    state.parts.log.warn({ feed: 'coinbase', retryMs: state.retryMs }, 'a price feed is not connected');
    state.retryTimer = setTimeout(() => void connect(state), state.retryMs);
    state.retryMs = Math.min(state.retryMs * 2, LONGEST_RETRY_MS);
  }
}

function expectSound(state: State, lose: () => void): void {
  clearTimeout(state.silenceTimer);
  state.silenceTimer = setTimeout(lose, state.parts.silenceMs ?? SILENCE_MS);
}

function hear(state: State, data: unknown, lose: () => void): void {
  const readable = typeof data === 'string' && data.length <= LONGEST_MESSAGE_CHARACTERS;
  const message = readable ? readCoinbase(data) : null;
  if (message === null) {
    state.parts.log.warn({ feed: 'coinbase' }, 'a price feed said what is not in its contract');
    return;
  }
  expectSound(state, lose);
  switch (message.type) {
    case 'trade':
      state.retryMs = state.parts.firstRetryMs ?? FIRST_RETRY_MS;
      hearTrade(state, message.tick, message.again);
      return;
    case 'quote':
      hearQuote(state, message.quote);
      return;
    case 'heartbeat':
      state.retryMs = state.parts.firstRetryMs ?? FIRST_RETRY_MS;
      hearBeat(state, message);
      return;
    case 'refused':
      state.parts.log.error({ feed: 'coinbase', reason: message.reason }, 'a price feed refused');
      lose();
      return;
    case 'other':
  }
}

/** @shape again: told once more at the beginning of a connection */
function hearTrade(state: State, tick: FeedTick, again: boolean): void {
  const product = state.products.get(tick.symbol);
  const seen = product?.seen ?? null;
  const missed = product?.missed === true;
  if (product !== undefined && (seen === null || tick.sequence >= seen)) {
    if (seen !== null && tick.sequence > seen + 1n) {
      state.sink.gap(tick.symbol, tick.sequence - seen - 1n, tick.sequence - 1n);
    }
    product.seen = tick.sequence;
    product.heard = true;
    product.missed = false;
  }
  if (again && seen !== null && (missed ? tick.sequence < seen : tick.sequence <= seen)) {
    return;
  }
  state.sink.tick(again ? { ...tick, retold: true } : tick);
}

/** The first of a connection is what stands there, under the time of the last trade. */
function hearQuote(state: State, quote: FeedQuote): void {
  const product = state.products.get(quote.symbol);
  state.sink.quote(product?.quoted === false ? { ...quote, retold: true } : quote);
  if (product !== undefined) {
    product.quoted = true;
  }
}

/** A heartbeat may overtake a trade, so a trade is missed only if it has not come by the next one. */
function hearBeat(state: State, { symbol, lastTradeId, occurredAt }: Heartbeat): void {
  const product = state.products.get(symbol);
  if (product === undefined) {
    return;
  }
  const { seen, claimed } = product;
  if (seen !== null && claimed !== null && claimed > seen) {
    state.sink.gap(symbol, claimed - seen, claimed);
    product.seen = claimed;
    product.missed = true;
  }
  product.claimed = lastTradeId;
  // A heartbeat that names no trade stands by none that this connection did not tell of.
  const stands = lastTradeId === null ? product.heard : seen !== null && lastTradeId <= seen;
  if (stands && !product.missed) {
    state.sink.alive(symbol, occurredAt);
  }
}
