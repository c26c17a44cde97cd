import { and, eq } from 'drizzle-orm';
import { type Amount, MAX_AMOUNT, sumAmounts } from '../../../kernel/amount.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Book } from '../post-journals.ts';
import { wallets } from '../schema.ts';
import { approvedRates, type FxRate } from './rate-source.ts';
import { requireMoney } from './require-money.ts';
import { midPrice, type Price, rateOf, worthOf } from './rules.ts';

export type FxPosition = {
  readonly asset: string;
  /** Above zero: taken from customers and not exchanged yet. Below: given to them out of what the firm lacks. */
  readonly position: Amount;
  readonly priced: boolean;
  readonly midRate: string | null;
  readonly rateAt: Instant | null;
  readonly value: bigint | null;
};

export type FxPositions = {
  readonly book: Book;
  readonly baseAsset: string;
  readonly at: Instant;
  readonly positions: readonly FxPosition[];
  /** Currencies held without a rate in force to the base: they are in no total. */
  readonly unpriced: readonly string[];
  readonly totalValue: bigint;
};

/**
 * What conversions left the house long and short in, valued at the middle of the rates in force.
 * @errors unknown_asset, asset_not_convertible
 */
export async function fxPositions(
  ctx: Ctx,
  { book, baseAsset }: { readonly book: Book; readonly baseAsset: string },
): Promise<FxPositions> {
  const at = ctx.deps.clock.now();
  return transact(ctx, 'staff', async (tx) => {
    await requireMoney(tx, baseAsset, 'query/baseAsset');
    const held = await tx
      .select({ asset: wallets.asset, total: wallets.total })
      .from(wallets)
      .where(and(eq(wallets.houseRole, 'fx_position'), eq(wallets.book, book)))
      .orderBy(wallets.asset);
    const inForce = await approvedRates.inForce(tx, at);
    const positions = [...Map.groupBy(held, (wallet) => wallet.asset)].map(([asset, desks]) =>
      valued(asset, sumAmounts(desks.map((desk) => desk.total)), baseAsset, inForce),
    );
    return {
      book,
      baseAsset,
      at,
      positions,
      unpriced: positions
        .filter(({ priced, position }) => !priced && position !== 0n)
        .map(({ asset }) => asset),
      totalValue: positions.reduce((total, { value }) => total + (value ?? 0n), 0n),
    };
  });
}

const ITSELF: Price = { numerator: 1n, denominator: 1n };

function valued(asset: string, position: Amount, base: string, inForce: readonly FxRate[]): FxPosition {
  const rate = inForce.find(
    (known) => [known.base, known.quote].includes(asset) && [known.base, known.quote].includes(base),
  );
  const price = asset === base ? ITSELF : rate && midPrice(rate, asset);
  const value = price && worthOf(position, price);
  if (price === undefined || value === undefined || value > MAX_AMOUNT || value < -MAX_AMOUNT) {
    return { asset, position, priced: false, midRate: null, rateAt: null, value: null };
  }
  const rateAt = asset === base ? null : (rate?.asOf ?? null);
  return { asset, position, priced: true, midRate: rateOf(price), rateAt, value };
}
