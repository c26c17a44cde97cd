/**
 * The demo firm's market maker: an ordinary client with an API key that quotes both sides of every
 * instrument over HTTP, so that a new user's order trades at once. It keeps a ladder around the
 * price it found and fills gaps as orders are taken.
 */
import { type Amount, amountOf, formatAmount, maxAmount, minAmount, parseAmount } from '../kernel/amount.ts';
import { newId } from '../kernel/id.ts';
import { bpsOf, divide, roundToStep } from '../kernel/rounding.ts';
import type { DemoLogin } from './credentials.ts';

export type MarketMaker = { readonly stop: () => void };

type Instrument = {
  readonly symbol: string;
  readonly exchange: string;
  /** Active, and of a kind that takes orders. */
  readonly tradable: boolean;
  readonly tick: string;
  readonly lot: string;
  readonly minQuantity: string;
  readonly maxQuantity: string;
};
type OpenOrder = { readonly side: 'buy' | 'sell'; readonly limitPrice: string | null };
type Rung = { readonly side: 'buy' | 'sell'; readonly price: Amount; readonly quantity: Amount };

/** @units bps away from the reference price */
const LADDER_BPS = [5n, 15n, 40n];

/** What one rung is worth, in the quote asset. */
const RUNG_VALUE = parseAmount('25000');
const TICK_MS = 1_000;

/** Starts quoting and keeps at it until stopped. Failures are retried at the next tick. */
export function startMarketMaker(url: string, login: DemoLogin): MarketMaker {
  const call = caller(url, login.apiKey);
  const references = new Map<string, Amount>();
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tick = async (): Promise<void> => {
    const instruments = (await call('GET', '/v1/instruments')) as { readonly data: readonly Instrument[] };
    const clock = (await call('GET', '/v1/market/clock?exchange=all')) as {
      readonly exchanges: readonly { readonly exchange: string; readonly open: boolean }[];
    };
    const open = new Set(clock.exchanges.filter((market) => market.open).map(({ exchange }) => exchange));
    for (const instrument of instruments.data) {
      if (!stopped && instrument.tradable && open.has(instrument.exchange)) {
        await fillLadder(call, login, instrument, references);
      }
    }
  };
  const loop = async (): Promise<void> => {
    await tick().catch(() => undefined);
    if (!stopped) {
      timer = setTimeout(() => void loop(), TICK_MS);
    }
  };
  void loop();
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

type Call = (method: string, path: string, body?: unknown) => Promise<unknown>;

async function fillLadder(
  call: Call,
  login: DemoLogin,
  instrument: Instrument,
  references: Map<string, Amount>,
): Promise<void> {
  const symbol = encodeURIComponent(instrument.symbol);
  let reference = references.get(instrument.symbol);
  if (reference === undefined) {
    const quote = (await call('GET', `/v1/instruments/${symbol}/quote`)) as { readonly last: string };
    reference = parseAmount(quote.last);
    references.set(instrument.symbol, reference);
  }
  const listed = (await call(
    'GET',
    `/v1/orders?accountId=${login.accountId}&symbol=${symbol}&status=open&limit=200`,
  )) as { readonly data: readonly OpenOrder[] };
  const partial = (await call(
    'GET',
    `/v1/orders?accountId=${login.accountId}&symbol=${symbol}&status=partially_filled&limit=200`,
  )) as { readonly data: readonly OpenOrder[] };
  const standing = new Set(
    [...listed.data, ...partial.data].map((order) => `${order.side} ${order.limitPrice}`),
  );
  for (const rung of ladder(instrument, reference)) {
    if (!standing.has(`${rung.side} ${formatAmount(rung.price)}`)) {
      await call('POST', '/v1/orders', {
        accountId: login.accountId,
        symbol: instrument.symbol,
        side: rung.side,
        type: 'limit',
        timeInForce: 'gtc',
        quantity: formatAmount(rung.quantity),
        limitPrice: formatAmount(rung.price),
        postOnly: true,
      });
    }
  }
}

function ladder(instrument: Instrument, reference: Amount): Rung[] {
  const tick = parseAmount(instrument.tick);
  const lot = parseAmount(instrument.lot);
  const wanted = roundToStep(divide(RUNG_VALUE, reference, 'down'), lot, 'down');
  const atLeast = maxAmount(wanted, parseAmount(instrument.minQuantity));
  const quantity = minAmount(atLeast, parseAmount(instrument.maxQuantity));
  return LADDER_BPS.flatMap((bps): Rung[] => {
    const distance = bpsOf(reference, bps, 'up');
    return [
      { side: 'buy', price: roundToStep(amountOf(reference - distance), tick, 'down'), quantity },
      { side: 'sell', price: roundToStep(amountOf(reference + distance), tick, 'up'), quantity },
    ];
  });
}

function caller(url: string, apiKey: string): Call {
  return async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'idempotency-key': newId() }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) {
      throw new Error(`${method} ${path} answered ${response.status}`);
    }
    return response.json();
  };
}
