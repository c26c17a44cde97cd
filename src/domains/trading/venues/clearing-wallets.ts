import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { houseWallet } from '../../ledger/index.ts';
import type { PricedInstrument } from '../../markets/index.ts';
import { fillsOf, type Plan, type PlannedTrade } from '../pipeline/settle-plan.ts';

/** Names a clearing wallet, for maps. */
export function clearingKey(book: PlannedTrade['book'], venue: string, asset: string): string {
  return `${book} ${venue} ${asset}`;
}

/** What the clearing wallets of a venue are referred to by. */
export function clearingReference(venue: string): string {
  return `venue:${venue}`;
}

/**
 * The house's clearing wallets that a settlement with venues moves.
 * @effects perhaps rows of `wallets`
 * @shape by `clearingKey`
 */
export async function clearingWallets(
  tx: Tx,
  ctx: Ctx,
  plan: Plan,
  instruments: ReadonlyMap<string, PricedInstrument>,
): Promise<ReadonlyMap<string, Id>> {
  const wallets = new Map<string, Id>();
  for (const { venue, book, symbol } of plan.trades) {
    if (venue === null) {
      continue;
    }
    const { baseAsset, quoteAsset, kind } = present(instruments.get(symbol), 'a traded instrument exists');
    for (const asset of kind === 'spot' ? [baseAsset, quoteAsset] : []) {
      const key = clearingKey(book, venue.name, asset);
      if (!wallets.has(key)) {
        const house = { role: 'clearing', reference: clearingReference(venue.name), book, asset } as const;
        wallets.set(key, (await houseWallet(tx, ctx, house)).id);
      }
    }
  }
  return wallets;
}

/** Whose executions a settlement has to book. */
export function executedAccounts({ trades }: Plan): ReadonlySet<Id> {
  return new Set(
    trades.flatMap((trade) =>
      trade.venue === null ? [] : fillsOf(trade).map(({ order }) => order.accountId),
    ),
  );
}
