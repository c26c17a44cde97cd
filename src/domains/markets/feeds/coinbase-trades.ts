/**
 * Past trades of a product from Coinbase Exchange's REST API, by its count of trades. Pages come newest first, a thousand
 * trades each, and the next one is asked for by the oldest trade of the one before; so many are asked for as the trades
 * wanted can fill, and no more. Nothing of an answer is believed here: who asks holds it against what is known.
 * @source https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-trades, and of the same
 *   place /exchange/rest-api/pagination (`after` is older) and /exchange/rest-api/rate-limits (10 a second by address)
 */
import { z } from 'zod';
import { parseInstant } from '../../../kernel/time.ts';
import type { Mode } from '../../../platform/context.ts';
import { type OutboundAnswer, outbound } from '../../../platform/http/outbound.ts';
import type { GapFailure } from '../prices/feed-gaps.ts';
import type { FeedTick } from '../prices/rules.ts';

export type WantedTrades = {
  readonly url: string;
  /** As the exchange names the product. */
  readonly symbol: string;
  /** The first one wanted, and the last. */
  readonly from: bigint;
  readonly through: bigint;
  readonly isStopped: () => boolean;
  /** Between two pages. */
  readonly pauseMs?: number;
};

/** What was found of the trades wanted, the oldest first: perhaps not all of them. */
export type FoundTrades =
  | { readonly ok: true; readonly ticks: readonly FeedTick[] }
  | { readonly ok: false; readonly failure: GapFailure };

const PAGE_TRADES = 1_000;
const PAGE_BYTES = 512 * 1_024;
const TIMEOUT_MS = 10_000;
const PAUSE_MS = 250;
const PRODUCT = /^[A-Za-z0-9]{1,16}(?:-[A-Za-z0-9]{1,16}){1,3}$/;

const decimal = z.string().min(1).max(40);
const Page = z
  .array(
    z.object({
      // Whole and below 2^53, so that reading JSON lost nothing of it.
      trade_id: z.number().int().nonnegative().transform(BigInt),
      price: decimal,
      size: decimal,
      time: z.string().max(40).refine(isInstant),
    }),
  )
  .max(PAGE_TRADES);

/** Fetches trades of a product. */
export async function fetchTrades(deps: { readonly mode: Mode }, wanted: WantedTrades): Promise<FoundTrades> {
  const { symbol, from, through, isStopped } = wanted;
  if (!PRODUCT.test(symbol)) {
    return failed('unknown_product');
  }
  const found: FeedTick[] = [];
  let after = through + 1n;
  for (let pages = (through - from) / BigInt(PAGE_TRADES) + 2n; pages > 0n; pages -= 1n) {
    const page = await fetchPage(deps, wanted, after);
    if (typeof page === 'string') {
      return failed(page);
    }
    // Whatever the exchange means by older than a trade: what is not is passed over, and each page must lead on.
    const older = page.filter(({ sequence }) => sequence < after);
    found.push(...older.filter(({ sequence }) => sequence >= from));
    const oldest = older.reduce((least, { sequence }) => (sequence < least ? sequence : least), after);
    if (oldest === after || oldest <= from) {
      return { ok: true, ticks: found.toSorted((one, other) => (one.sequence < other.sequence ? -1 : 1)) };
    }
    after = oldest;
    await Bun.sleep(wanted.pauseMs ?? PAUSE_MS);
    if (isStopped()) {
      return failed('unreachable');
    }
  }
  return failed('unreadable');
}

async function fetchPage(
  deps: { readonly mode: Mode },
  { url, symbol }: WantedTrades,
  after: bigint,
): Promise<readonly FeedTick[] | GapFailure> {
  const asked = new URLSearchParams({ after: after.toString(), limit: String(PAGE_TRADES) });
  const answer = await outbound(deps, {
    url: `${url}/products/${symbol}/trades?${asked.toString()}`,
    // The exchange answers nobody who does not say what they are.
    headers: { accept: 'application/json', 'user-agent': 'plimsoll' },
    maxBytes: PAGE_BYTES,
    timeoutMs: TIMEOUT_MS,
    allow: 'loopback_in_sandbox',
    expectTypes: ['application/json'],
  });
  const failure = failureOf(answer);
  if (failure !== null || !answer.ok) {
    return failure ?? 'unreachable';
  }
  const page = Page.safeParse(jsonOf(answer.body));
  return page.success
    ? page.data.map(({ trade_id, price, size, time }) => ({
        symbol,
        price,
        size,
        sequence: trade_id,
        occurredAt: parseInstant(time),
      }))
    : 'unreadable';
}

function failureOf(answer: OutboundAnswer): GapFailure | null {
  if (!answer.ok) {
    return answer.failure === 'unexpected_type' || answer.failure === 'too_large'
      ? 'unreadable'
      : 'unreachable';
  }
  const { status } = answer;
  if (status === 429) {
    return 'busy';
  }
  if (status === 404) {
    return 'unknown_product';
  }
  return status >= 500 ? 'unreachable' : status === 200 ? null : 'refused';
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
}

function isInstant(text: string): boolean {
  try {
    parseInstant(text);
    return true;
  } catch {
    return false;
  }
}

function failed(failure: GapFailure): FoundTrades {
  return { ok: false, failure };
}
