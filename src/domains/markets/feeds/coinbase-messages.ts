/**
 * What Coinbase Exchange says on its public WebSocket, of which only trades, the best bid and ask, and
 * heartbeats are read. Prices are texts there and stay texts here; what cannot be read is nothing.
 * @source https://docs.cdp.coinbase.com/exchange/websocket-feed/channels (matches, ticker, heartbeat)
 */
import { z } from 'zod';
import { type Instant, parseInstant } from '../../../kernel/time.ts';
import type { FeedQuote, FeedTick } from '../prices/rules.ts';

export type CoinbaseMessage =
  /** `again`: the last one before the connection began. */
  | { readonly type: 'trade'; readonly tick: FeedTick; readonly again: boolean }
  | { readonly type: 'quote'; readonly quote: FeedQuote }
  /** `lastTradeId` is null where the exchange does not say it: it has long said 0 to everybody. */
  | {
      readonly type: 'heartbeat';
      readonly symbol: string;
      readonly lastTradeId: bigint | null;
      readonly occurredAt: Instant;
    }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'other' };

const symbol = z.string().min(1).max(40);
const decimal = z.string().min(1).max(40);
/** Whole and below 2^53, so that reading JSON lost nothing of it. */
const count = z.number().int().nonnegative().transform(BigInt);
const instant = z.string().max(40).transform(readInstant);

const Match = z.object({
  type: z.enum(['match', 'last_match']),
  product_id: symbol,
  trade_id: count,
  price: decimal,
  size: decimal,
  time: instant,
});
const Ticker = z.object({
  type: z.literal('ticker'),
  product_id: symbol,
  best_bid: decimal,
  best_ask: decimal,
  time: instant,
});
const Heartbeat = z.object({
  type: z.literal('heartbeat'),
  product_id: symbol,
  last_trade_id: count,
  time: instant,
});
const Refusal = z.object({ type: z.literal('error'), message: z.string(), reason: z.string().optional() });
const Other = z.object({ type: z.string() });

/** Reads one message; null where it is none of this contract. */
export function readCoinbase(text: string): CoinbaseMessage | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const kind = Other.safeParse(json);
  return kind.success ? messageOf(kind.data.type, json) : null;
}

/** What is said first: which products, by which channels. */
export function subscriptionTo(symbols: readonly string[]): string {
  return JSON.stringify({
    type: 'subscribe',
    product_ids: symbols,
    channels: ['matches', 'ticker', 'heartbeat'],
  });
}

function messageOf(type: string, json: unknown): CoinbaseMessage | null {
  switch (type) {
    case 'match':
    case 'last_match': {
      const { data: match } = Match.safeParse(json);
      if (match === undefined) {
        return null;
      }
      const { product_id, trade_id, price, size, time } = match;
      return {
        type: 'trade',
        again: type === 'last_match',
        tick: { symbol: product_id, price, size, sequence: trade_id, occurredAt: time },
      };
    }
    case 'ticker': {
      const { data: ticker } = Ticker.safeParse(json);
      return ticker === undefined
        ? null
        : {
            type: 'quote',
            quote: {
              symbol: ticker.product_id,
              bid: ticker.best_bid,
              ask: ticker.best_ask,
              occurredAt: ticker.time,
            },
          };
    }
    case 'heartbeat': {
      const { data: beat } = Heartbeat.safeParse(json);
      return beat === undefined
        ? null
        : {
            type: 'heartbeat',
            symbol: beat.product_id,
            lastTradeId: beat.last_trade_id === 0n ? null : beat.last_trade_id,
            occurredAt: beat.time,
          };
    }
    case 'error': {
      const { data: refusal } = Refusal.safeParse(json);
      return { type: 'refused', reason: (refusal?.reason ?? refusal?.message ?? '').slice(0, 200) };
    }
    default:
      return { type: 'other' };
  }
}

function readInstant(text: string, context: z.RefinementCtx): Instant {
  try {
    return parseInstant(text);
  } catch {
    context.addIssue('must be an instant');
    return z.NEVER;
  }
}
