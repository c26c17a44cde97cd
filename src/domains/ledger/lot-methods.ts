/**
 * Which units leave a wallet, and what they cost. Pure. Cost is conserved to the last decimal: a part takes the share of
 * its lot's open cost, rounded half even, the last part what is left; averaging spreads what is there by cumulative
 * shares. So in every wallet and currency the cost of what came in is the cost of what is open and of what went.
 */
import { type Amount, amountOf, minAmount, ZERO } from '../../kernel/amount.ts';
import { assert } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { divideRounded } from '../../kernel/rounding.ts';
import type { Instant } from '../../kernel/time.ts';

/** How a part was taken; an account has one of the first four. */
export type LotMethod = 'fifo' | 'lifo' | 'hifo' | 'average' | 'specific';

/** A lot with what is open of it; both fall as units leave. */
export type OpenLot = {
  readonly id: Id;
  readonly acquiredAt: Instant;
  readonly costCurrency: string | null;
  quantityOpen: Amount;
  /** Null where units came without a price. */
  costOpen: Amount | null;
};

/** What a sale takes of one lot it names. */
export type LotPick = { readonly lotId: Id; readonly quantity: Amount };

export type Leaving = {
  readonly quantity: Amount;
  /** The currency in which costs are compared, where the method compares them. */
  readonly currency: string;
  /** Lots that were named, in the order they go. */
  readonly picks?: readonly LotPick[] | undefined;
};

export type TakenPart = {
  readonly lot: OpenLot;
  readonly quantity: Amount;
  readonly cost: Amount | null;
  readonly method: LotMethod;
};

/**
 * Takes units out of the open lots of one wallet, oldest first in `open`. Named lots go first, as far as they are
 * open; the rest goes by the method: fifo and average the oldest first, lifo the newest first, hifo the dearest unit
 * first and after those whose cost is known in `currency` the oldest. Average first spreads the cost of all open lots.
 * @effects `quantityOpen` and `costOpen` of the lots
 * @errors AssertionError when the lots hold less than leaves (I16 was broken before)
 */
export function takeUnits(open: readonly OpenLot[], method: LotMethod, leaving: Leaving): TakenPart[] {
  if (method === 'average') {
    averageCosts(open);
  }
  const parts: TakenPart[] = [];
  let wanted = leaving.quantity;
  const take = (lot: OpenLot, upTo: Amount, by: LotMethod) => {
    const quantity = minAmount(lot.quantityOpen, upTo);
    if (quantity > ZERO) {
      parts.push({ lot, quantity, cost: takePart(lot, quantity), method: by });
      wanted = amountOf(wanted - quantity);
    }
  };
  for (const { lotId, quantity } of leaving.picks ?? []) {
    const lot = open.find(({ id }) => id === lotId);
    if (lot !== undefined) {
      take(lot, minAmount(quantity, wanted), 'specific');
    }
  }
  for (const lot of wanted === ZERO ? [] : inOrder(open, method, leaving.currency)) {
    take(lot, wanted, method);
    if (wanted === ZERO) {
      break;
    }
  }
  assert(wanted === ZERO, 'the open lots of a wallet add up to it (I16)');
  return parts;
}

/** The part of a list of named lots that a fill takes, once so much of the order had traded before. */
export function picksOf(picks: readonly LotPick[], before: bigint, quantity: bigint): LotPick[] {
  const taken: LotPick[] = [];
  let skip = before;
  let left = quantity;
  for (const pick of picks) {
    const here = pick.quantity > skip ? pick.quantity - skip : 0n;
    skip = skip > pick.quantity ? skip - pick.quantity : 0n;
    const part = here < left ? here : left;
    left -= part;
    if (part > 0n) {
      taken.push({ lotId: pick.lotId, quantity: amountOf(part) });
    }
  }
  return taken;
}

/** A part's share of a whole, as costs and proceeds are spread over quantities. */
export function shareOf(whole: Amount, part: Amount, of: Amount): Amount {
  return amountOf(divideRounded(whole * part, of, 'half_even'));
}

/** Puts a lot where its age belongs; lots mostly come in that order. */
export function addByAge(open: OpenLot[], lot: OpenLot): void {
  let place = open.length;
  while (place > 0 && isOlder(lot, open[place - 1])) {
    place -= 1;
  }
  open.splice(place, 0, lot);
}

function isOlder(lot: OpenLot, than: OpenLot | undefined): boolean {
  return (
    than !== undefined &&
    (lot.acquiredAt < than.acquiredAt || (lot.acquiredAt === than.acquiredAt && lot.id < than.id))
  );
}

function takePart(lot: OpenLot, quantity: Amount): Amount | null {
  const cost = lot.costOpen === null ? null : shareOf(lot.costOpen, quantity, lot.quantityOpen);
  lot.quantityOpen = amountOf(lot.quantityOpen - quantity);
  lot.costOpen = lot.costOpen === null || cost === null ? null : amountOf(lot.costOpen - cost);
  return cost;
}

function inOrder(open: readonly OpenLot[], method: LotMethod, currency: string): readonly OpenLot[] {
  switch (method) {
    case 'fifo':
    case 'average':
    case 'specific':
      return open;
    case 'lifo':
      return open.toReversed();
    case 'hifo':
      return open.filter(({ quantityOpen }) => quantityOpen > ZERO).sort(byUnitCost(currency));
  }
}

/** The dearest first; sorting keeps the older of equals in front. */
function byUnitCost(currency: string) {
  const costOf = (lot: OpenLot) => (lot.costCurrency === currency ? lot.costOpen : null);
  return (left: OpenLot, right: OpenLot): number => {
    const [one, other] = [costOf(left), costOf(right)];
    if (one === null || other === null) {
      return one === other ? 0 : one === null ? 1 : -1;
    }
    const [first, second] = [one * right.quantityOpen, other * left.quantityOpen];
    return first === second ? 0 : first > second ? -1 : 1;
  };
}

/**
 * Spreads the open cost over the lots whose cost is known, in each currency by itself; what came without a price has
 * none. Lots that bear the average already, to less than the last decimal, stay as they are.
 */
function averageCosts(open: readonly OpenLot[]): void {
  const known = open.filter(({ quantityOpen, costOpen }) => quantityOpen > ZERO && costOpen !== null);
  for (const pool of Map.groupBy(known, ({ costCurrency }) => costCurrency).values()) {
    const quantity = pool.reduce((sum, lot) => sum + lot.quantityOpen, 0n);
    const cost = pool.reduce((sum, lot) => sum + (lot.costOpen ?? 0n), 0n);
    if (pool.every((lot) => isAverage(lot, cost, quantity))) {
      continue;
    }
    let [seen, given] = [0n, 0n];
    for (const lot of pool) {
      seen += lot.quantityOpen;
      const upTo = divideRounded(cost * seen, quantity, 'half_even');
      lot.costOpen = amountOf(upTo - given);
      given = upTo;
    }
  }
}

function isAverage({ costOpen, quantityOpen }: OpenLot, cost: bigint, quantity: bigint): boolean {
  const off = (costOpen ?? 0n) * quantity - cost * quantityOpen;
  return off < quantity && -off < quantity;
}
