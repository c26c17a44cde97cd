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
};

const SOURCE = 'trades';

/** Counts up from the microsecond, so that a later process counts on without asking anybody. */
const counters = perDeps((_deps: Deps) => ({ last: 0n }));

/**
 * Keeps the trades of own books as ticks, in one statement: their prices and volumes make candles, whoever
 * prices the instrument.
 * @shape in the order they were matched, each once
 * @effects rows of `price_ticks`, `candles`
 */
export async function keepTradePrints(tx: Tx, ctx: Ctx, prints: readonly TradePrint[]): Promise<void> {
  if (prints.length === 0) {
    return;
  }
  const occurredAt = ctx.deps.clock.now();
  const counter = counters(ctx.deps);
  const ticks = prints.map((print) => {
    const now = BigInt(ctx.deps.clock.realMs()) * 1_000n;
    counter.last = now > counter.last ? now : counter.last + 1n;
    return { ...print, source: SOURCE, sequence: counter.last, occurredAt };
  });
  await storeTicks(tx, ticks, occurredAt);
  tellPrices(tx, ctx, [...new Set(prints.map((print) => print.instrumentId))]);
}
