import type { Amount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { type Ctx, type Deps, perDeps } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { tellPrices } from './price-changes.ts';
import { storeTicks } from './store-ticks.ts';

/** A trade of an instrument's own live book. */
export type TradePrint = {
  readonly instrumentId: Id;
  readonly price: Amount;
  readonly size: Amount;
  /** What prices the instrument; null where its own trades do. */
  readonly feed: string | null;
};

const SOURCE = 'trades';

/** Counts up from the microsecond, so that a later process counts on without asking anybody. */
const counters = perDeps((_deps: Deps) => ({ last: 0n }));

/**
 * Keeps the trades of own books as ticks, in one statement: their prices and volumes make candles. Not those of an
 * instrument that a feed prices: past prices are read from its candles, and two people who trade with each other at a
 * price of their own would make one.
 * @shape in the order they were matched, each once
 * @effects rows of `price_ticks`, `candles`
 */
export async function keepTradePrints(tx: Tx, ctx: Ctx, prints: readonly TradePrint[]): Promise<void> {
  const pricing = prints.filter(({ feed }) => feed === null);
  if (pricing.length === 0) {
    return;
  }
  const occurredAt = ctx.deps.clock.now();
  const counter = counters(ctx.deps);
  const ticks = pricing.map(({ instrumentId, price, size }) => {
    const now = BigInt(ctx.deps.clock.realMs()) * 1_000n;
    counter.last = now > counter.last ? now : counter.last + 1n;
    return { instrumentId, price, size, source: SOURCE, sequence: counter.last, occurredAt };
  });
  await storeTicks(tx, ticks, occurredAt);
  tellPrices(tx, ctx, [...new Set(ticks.map((print) => print.instrumentId))]);
}
