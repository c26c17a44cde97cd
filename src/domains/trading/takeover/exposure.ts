import { sql } from 'drizzle-orm';
import { type Amount, amountOf, readStoredAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Instant, readStoredInstant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { instrumentsBySymbol } from '../../markets/index.ts';
import { markedAt } from '../positions/rules.ts';

type Held = {
  readonly symbol: string;
  readonly settlement_asset: string;
  readonly net: string;
  readonly paid: string;
  readonly takeovers: number;
  readonly last_taken_at: string;
};

/** What the firm holds itself of one contract, by what it took over from customers. */
type Exposure = {
  readonly symbol: string;
  readonly settlementAsset: string;
  readonly side: 'long' | 'short' | 'flat';
  readonly quantity: Amount;
  /** What it paid less what it received. @units settlement asset */
  readonly paid: bigint;
  readonly markPrice: Amount | null;
  readonly priceVouched: boolean;
  /** What it has won or lost with all of it, at the mark. */
  readonly result: bigint | null;
  readonly takeovers: number;
  readonly lastTakenAt: Instant;
};

/** What the firm holds of each contract it ever took over, at the prices of now. */
export async function firmExposure(ctx: Ctx): Promise<{ readonly exposures: readonly Exposure[] }> {
  return transact(ctx, ctx.login, async (tx) => {
    const rows = await tx.execute<Held>(sql`
      select symbol, settlement_asset, sum(case side when 'long' then quantity else -quantity end)::text as net,
        sum(case side when 'long' then amount else -amount end)::text as paid, count(*)::int as takeovers,
        max(taken_at)::text as last_taken_at
      from liquidation_takeovers group by symbol, settlement_asset order by symbol`);
    const instruments = await instrumentsBySymbol(
      tx,
      rows.map(({ symbol }) => symbol),
    );
    return {
      exposures: rows.map((row) => {
        const { last, priceVouched } = present(instruments.get(row.symbol), 'what was traded is listed');
        const net = readStoredAmount(row.net);
        const paid = readStoredAmount(row.paid);
        return {
          symbol: row.symbol,
          settlementAsset: row.settlement_asset,
          side: net > 0n ? ('long' as const) : net < 0n ? ('short' as const) : ('flat' as const),
          quantity: amountOf(net < 0n ? -net : net),
          paid,
          markPrice: last,
          priceVouched,
          result: last === null ? null : resultOf(net, paid, last),
          takeovers: row.takeovers,
          lastTakenAt: readStoredInstant(row.last_taken_at),
        };
      }),
    };
  });
}

/** What is held is worth, less what was paid for it: rounded as the marks of positions are. */
function resultOf(net: bigint, paid: bigint, mark: Amount): bigint {
  const open = { side: net < 0n ? 'short' : 'long', quantity: amountOf(net < 0n ? -net : net) } as const;
  return markedAt({ ...open, entryValue: amountOf(net < 0n ? -paid : paid) }, mark, 0).unrealisedPnl;
}
