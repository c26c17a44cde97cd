/**
 * Sales that name the lots they sell. Pure. The names are part of the instruction: a partly filled order sells them in
 * the order given. Naming reserves no lot; what another sale has used up meanwhile goes by the account's method.
 */
import { formatAmount, parseAmount } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import { type LotPick, type NamedLot, picksOf } from '../ledger/index.ts';
import type { StoredPick } from './schema.ts';

/** How many lots one order may name. */
export const NAMED_LOTS_MAX = 100;

/** The lots an instruction names, as they are kept on its order. */
export function storedPicks(lots: readonly LotPick[] | null): StoredPick[] | null {
  return lots?.map(({ lotId, quantity }) => ({ lotId, quantity: formatAmount(quantity) })) ?? null;
}

/** The lots a stored order names. */
export function picksOn({ lots }: { readonly lots: readonly StoredPick[] | null }): LotPick[] | null {
  return (
    lots?.map(({ lotId, quantity }) => ({ lotId: lotId as Id, quantity: parseAmount(quantity) })) ?? null
  );
}

/** What is left of the names of an order once so much of it has traded. */
export function picksLeft(
  order: { readonly lots: readonly StoredPick[] | null },
  filled: bigint,
  left: bigint,
): LotPick[] | null {
  const named = picksOn(order);
  return named === null ? null : picksOf(named, filled, left);
}

/** Why the names of an order make no sense, whatever lots there are; null where they do. */
export function namingFault(order: {
  readonly side: 'buy' | 'sell';
  readonly quantity?: bigint | null | undefined;
  readonly lots?: readonly { readonly lotId: string; readonly quantity: bigint }[] | null | undefined;
}): string | null {
  const { side, lots } = order;
  if (lots === undefined || lots === null) {
    return null;
  }
  if (side !== 'sell') {
    return 'are for sales';
  }
  if (new Set(lots.map(({ lotId }) => lotId)).size !== lots.length) {
    return 'must name each lot once';
  }
  const named = lots.reduce((sum, { quantity }) => sum + quantity, 0n);
  return named === order.quantity ? null : 'must add up to the quantity';
}

/** Whether lots of the account and asset hold what the names ask of each; foreign ones count as not there. */
export function lotsHold(
  picks: readonly LotPick[] | null,
  found: ReadonlyMap<Id, NamedLot>,
  { accountId, asset }: { readonly accountId: Id; readonly asset: string },
): boolean {
  return (picks ?? []).every(({ lotId, quantity }) => {
    const lot = found.get(lotId);
    return lot?.accountId === accountId && lot.asset === asset && lot.quantityOpen >= quantity;
  });
}
