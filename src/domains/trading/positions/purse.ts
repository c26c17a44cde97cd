/** What a wallet has while a settlement is planned. Pure. */
import { ONE, parseAmount } from '../../../kernel/amount.ts';
import type { PricedInstrument } from '../../markets/index.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import type { Purse, State } from './plan-contracts.ts';
import { requiredFor } from './rules.ts';

/** The wallet that an order is settled in, with its open positions. */
export function purseOf({ facts, purses, released }: State, order: OrderRow, asset: string): Purse {
  const wallet = facts.wallets.of(order.accountId, asset);
  const known = purses.get(wallet.id);
  if (known !== undefined) {
    return known;
  }
  const open = facts.open.filter(({ walletId }) => walletId === wallet.id);
  const purse: Purse = {
    id: wallet.id,
    total: wallet.total,
    unsettled: wallet.unsettled,
    other: wallet.reserved - (facts.held.get(wallet.id) ?? 0n) - (released.get(wallet.id) ?? 0n),
    open: new Map(open.map((position) => [position.instrumentId, { before: position, after: position }])),
  };
  purses.set(wallet.id, purse);
  return purse;
}

/** What the wallet has besides what holds and orders reserve. */
export function cashOf({ total, other }: Pick<Purse, 'total' | 'other'>): bigint {
  return total > other ? total - other : 0n;
}

/** What of that opens positions: settled, and more than the open ones need. Negative where they need more than is there. */
export function spareOf(purse: Purse): bigint {
  const positions = [...purse.open.values()].map(({ after }) => after);
  return cashOf(purse) - requiredFor(positions) - purse.unsettled;
}

/** What an order opens has no more leverage than its account and instrument have now. */
export function leverageOf(
  { facts }: { readonly facts: Pick<State['facts'], 'accounts'> },
  order: OrderRow,
  { maxLeverage }: PricedInstrument,
): bigint {
  const granted = parseAmount(facts.accounts.get(order.accountId)?.maxLeverage ?? '1');
  return [parseAmount(order.leverage), granted, maxLeverage ?? ONE].reduce((least, one) =>
    one < least ? one : least,
  );
}
