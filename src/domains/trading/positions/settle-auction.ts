/**
 * The trades of an auction, of which many may be refused at once: the unfit are found in one look instead of one for each.
 * Pure. What is refused is undone and passed over, and the look goes on. Found are, besides the first, those whose
 * refusal no other price would change, and whatever else is the same person's: who lines up many orders that cannot be
 * settled costs one attempt. Who met one that was passed over is not judged any further: without it they may be fit.
 */
import type { Id } from '../../../kernel/id.ts';
import { fillsOf, type Plan, type PlannedTrade } from '../pipeline/settle-plan.ts';
import { OrderUnfit } from './order-unfit.ts';
import type { Draft, Purse, State } from './plan-contracts.ts';
import { CashTied } from './tied-cash.ts';

/** What the price of the auction has no part in. */
const WHATEVER_THE_PRICE: readonly OrderUnfit['reason'][] = [
  'margin_not_enabled',
  'nothing_to_reduce',
  'price_stale',
];

/** @errors OrderUnfit, with all that were found; CashTied where that comes first */
export function settleAuction(
  state: State,
  plan: Plan,
  trades: readonly PlannedTrade[],
  settle: (trade: PlannedTrade) => void,
): void {
  const unfit: OrderUnfit[] = [];
  const people = new Set<Id>();
  const passedOver = new Set<Id>();
  const unsure = new Set<Id>();
  for (const trade of trades) {
    const orders = fillsOf(trade).map(({ order }) => order);
    const undo = undoing(state, plan, trade);
    const fault = orders.some(({ id }) => passedOver.has(id)) ? null : refusalOf(() => settle(trade));
    if (fault === undefined) {
      continue;
    }
    if (fault instanceof CashTied && unfit.length === 0) {
      throw fault;
    }
    undo();
    const culprit = fault instanceof OrderUnfit ? orders.find(({ id }) => id === fault.orderId) : undefined;
    if (fault instanceof OrderUnfit && culprit !== undefined && !unsure.has(culprit.accountId)) {
      const isFirst = unfit.length === 0;
      if (isFirst || people.has(culprit.userId) || WHATEVER_THE_PRICE.includes(fault.reason)) {
        unfit.push(fault);
        passedOver.add(culprit.id);
      }
      if (isFirst) {
        people.add(culprit.userId);
      }
    }
    for (const { id, accountId } of orders) {
      if (!passedOver.has(id)) {
        unsure.add(accountId);
      }
    }
  }
  const [first, ...others] = unfit;
  if (first !== undefined) {
    throw new OrderUnfit(first.orderId, first.reason, first.keep, others);
  }
}

/** Why a trade cannot be settled; undefined where it was. */
function refusalOf(settle: () => void): OrderUnfit | CashTied | undefined {
  try {
    settle();
    return undefined;
  } catch (error) {
    if (error instanceof OrderUnfit || error instanceof CashTied) {
      return error;
    }
    throw error;
  }
}

/** How to put back all that a trade may change. */
function undoing(state: State, plan: Plan, trade: PlannedTrade): () => void {
  const { purses, changed, journals, borne, realised, filled } = state;
  const lengths = {
    purses: purses.size,
    changed: changed.size,
    journals: journals.length,
    borne: borne.length,
  };
  const sides = fillsOf(trade).map(({ id, order }) => {
    const planned = plan.orders.get(order.id);
    const { fees = 0n, reservation = 0n } = planned ?? {};
    return { fillId: id, order, planned, fees, reservation, filled: filled.get(order.id) };
  });
  const kept = sides.flatMap(({ order }) => {
    const { id } = state.facts.wallets.of(order.accountId, order.reservationAsset);
    const purse = purses.get(id);
    return purse === undefined ? [] : [purseAsIs(purse)];
  });
  return () => {
    for (const id of [...purses.keys()].slice(lengths.purses)) {
      purses.delete(id);
    }
    for (const draft of [...changed].slice(lengths.changed)) {
      changed.delete(draft);
    }
    journals.length = lengths.journals;
    borne.length = lengths.borne;
    for (const side of sides) {
      realised.delete(side.fillId);
      if (side.filled === undefined) {
        filled.delete(side.order.id);
      } else {
        filled.set(side.order.id, side.filled);
      }
      if (side.planned !== undefined) {
        side.planned.fees = side.fees;
        side.planned.reservation = side.reservation;
      }
    }
    for (const putBack of kept) {
      putBack();
    }
  };
}

function purseAsIs(purse: Purse): () => void {
  const { total, other } = purse;
  const open: [Id, Draft, Draft['after']][] = [...purse.open].map(([id, draft]) => [id, draft, draft.after]);
  return () => {
    purse.total = total;
    purse.other = other;
    purse.open.clear();
    for (const [id, draft, after] of open) {
      draft.after = after;
      purse.open.set(id, draft);
    }
  };
}
