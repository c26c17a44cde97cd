/**
 * What an order has to reserve where it is decided. Pure. A purchase reserves what it pays at worst, a sale the units it
 * may sell, an order in a contract its margin.
 */
import { type Amount, maxAmount, ZERO } from '../../kernel/amount.ts';
import { anchorOf } from './held-orders.ts';
import { unitsForSale } from './notional.ts';
import { type ContractStanding, contractReservation } from './positions/contract-orders.ts';
import { collarPrice, reservedFor, worstFeeBps } from './reservation.ts';
import type { Instruction, Situation } from './rules.ts';

/** What an order reserves that trades no worse than at `worst`. @units as the verdict on it says */
export function reservationOf(order: Instruction, situation: Situation, worst: Amount): bigint {
  const { contract, terms, last, funds } = situation;
  if (contract !== null) {
    return reservedAsMargin(order, situation, contract, worst);
  }
  if (order.notional !== null && sellsByNotional(order, situation)) {
    const prices = { worst, last: last ?? ZERO, available: funds?.available ?? 0n };
    return unitsForSale(order.notional, prices, terms.lot);
  }
  return reservedFor(order.side, order, worst, worstFeeBps(terms));
}

/** Whether an order sells units that are held, at the market and for so much: it may sell those it reserves. */
export function sellsByNotional(
  { side, quantity, limitPrice }: Instruction,
  { contract }: Pick<Situation, 'contract'>,
): boolean {
  return contract === null && side === 'sell' && quantity === null && limitPrice === null;
}

/** A sale of units may trade above its limit, where its margin is more; one for so much loses most at its worst price. */
function reservedAsMargin(
  order: Instruction,
  { terms, last, funds }: Situation,
  contract: ContractStanding,
  worst: Amount,
): bigint {
  const anchor = last === null ? worst : anchorOf(order, last);
  const isAtWorst = order.side === 'buy' || order.quantity === null;
  const highest = isAtWorst ? worst : maxAmount(worst, collarPrice('buy', anchor, terms));
  const beyond = order.side === 'buy' ? worst - anchor : anchor - worst;
  return contractReservation(
    order,
    contract,
    { highest, beyond: beyond > 0n ? beyond : 0n },
    { initialMarginBps: terms.initialMarginBps ?? 0, feeBps: worstFeeBps(terms) },
    funds?.available ?? 0n,
  );
}
