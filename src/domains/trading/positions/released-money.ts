import type { Id } from '../../../kernel/id.ts';
import type { PricedInstrument } from '../../markets/index.ts';
import type { Plan } from '../pipeline/settle-plan.ts';

/**
 * What orders reserve no more once the plan is written: it is free before money moves. What of a spot order traded
 * is paid with.
 * @shape by wallet
 */
export function releasedBy(
  { orders }: Plan,
  instruments: ReadonlyMap<string, Pick<PricedInstrument, 'kind'>>,
): Map<Id, bigint> {
  const released = new Map<Id, bigint>();
  for (const { row, reservation, filledQuantity } of orders.values()) {
    const isFree = instruments.get(row.symbol)?.kind === 'contract' || filledQuantity === row.filledQuantity;
    if (row.walletId !== null && isFree && reservation < row.reservation) {
      released.set(row.walletId, (released.get(row.walletId) ?? 0n) + row.reservation - reservation);
    }
  }
  return released;
}
