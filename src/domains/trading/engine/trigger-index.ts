/**
 * Orders that are held until the reference price reaches their trigger. Two heaps, one for prices
 * that rise and one for prices that fall, nearest trigger first and among equal triggers the lowest
 * `bookSeq`. Trailing orders of one side that have seen the same best price share one trail, which
 * stands in the heap for the nearest of them: a new best price moves one entry, however many orders
 * trail it, and merges the trails it overtakes, the smaller into the larger.
 */
import { present } from '../../../kernel/assert.ts';
import { divideRounded } from '../../../kernel/rounding.ts';
import type { NewOrder, PriceTrigger, Side, TrailTrigger, Trigger } from './command.ts';
import { createHeap, firstOf, type Heap, moveItem, pushItem, removeItem } from './heap.ts';

const MICRO_PERCENT_PER_ONE = 100_000_000n;

/** A held order; `heapAt` is its place in its trail. */
export type HeldOrder = {
  heapAt: number;
  readonly order: NewOrder;
  readonly trigger: Trigger;
  /** What of it is open: falls when another of its group trades. */
  quantity: bigint | null;
  readonly heldSeq: bigint;
  /** A trailing order's trail, and a fixed trigger's entry. */
  trail: Trail | null;
  entry: Entry | null;
};

type Trail = {
  readonly orders: Heap<HeldOrder>;
  readonly entry: Entry;
  mark: bigint;
};

/** What stands in the heap of a direction: one order, or the trail of which it is the nearest. */
type Entry = {
  heapAt: number;
  price: bigint;
  first: HeldOrder;
  readonly trail: Trail | null;
};

/** The trails of one side with one best price; orders held from `fromHeldSeq` on, until the next. */
type Cohort = {
  fromHeldSeq: bigint;
  mark: bigint;
  amounts: Trail | null;
  percents: Trail | null;
};

export type TriggerIndex = {
  readonly held: Map<string, HeldOrder>;
  readonly rising: Heap<Entry>;
  readonly falling: Heap<Entry>;
  /** Oldest first: the later one was held, the less far the price has come since. */
  readonly cohorts: Readonly<Record<Side, Cohort[]>>;
  lastHeldSeq: bigint;
};

export type Reached = { readonly held: HeldOrder; readonly mark: bigint | null };

/** An index without orders. */
export function createTriggerIndex(): TriggerIndex {
  return {
    held: new Map(),
    rising: createHeap(isNearerAbove),
    falling: createHeap(isNearerBelow),
    cohorts: { buy: [], sell: [] },
    lastHeldSeq: 0n,
  };
}

/** Whether a price reaches a fixed trigger. */
export function isReached({ direction, price }: PriceTrigger, reference: bigint): boolean {
  return direction === 'rises' ? reference >= price : reference <= price;
}

/** The price at which a trail ends, rounded away from the market: no order is triggered too soon. */
export function trailPrice(
  side: Side,
  mark: bigint,
  trigger: Omit<TrailTrigger, 'kind' | 'standing'>,
): bigint {
  const distance =
    trigger.amount ?? divideRounded(mark * (trigger.percentMicro ?? 0n), MICRO_PERCENT_PER_ONE, 'up');
  return side === 'sell' ? mark - distance : mark + distance;
}

/** Holds an order with a fixed trigger. */
export function holdAt(index: TriggerIndex, order: NewOrder, trigger: PriceTrigger): void {
  const held = heldOrder(order, trigger, 0n);
  held.entry = { heapAt: 0, price: trigger.price, first: held, trail: null };
  index.held.set(order.orderId, held);
  pushItem(heapOf(index, held), held.entry);
}

/** Holds a trailing order that has seen `mark`. @shape its number among the held */
export function holdTrailing(
  index: TriggerIndex,
  order: NewOrder,
  trigger: TrailTrigger,
  mark: bigint,
): bigint {
  const heldSeq = trigger.standing?.heldSeq ?? index.lastHeldSeq + 1n;
  if (heldSeq > index.lastHeldSeq) {
    index.lastHeldSeq = heldSeq;
  }
  const held = heldOrder(order, trigger, heldSeq);
  index.held.set(order.orderId, held);
  const cohort = cohortFor(index.cohorts[order.side], order.side, heldSeq, mark);
  const trail = trigger.amount === null ? cohort.percents : cohort.amounts;
  if (trail === null || trail.orders.items.length === 0) {
    openTrail(index, cohort, held);
  } else {
    held.trail = trail;
    pushItem(trail.orders, held);
    refresh(index, trail);
  }
  return heldSeq;
}

/** Takes a held order out. */
export function unhold(index: TriggerIndex, held: HeldOrder): void {
  index.held.delete(held.order.orderId);
  if (held.trail === null) {
    removeItem(heapOf(index, held), present(held.entry, 'a fixed trigger has an entry'));
    return;
  }
  removeItem(held.trail.orders, held);
  if (held.trail.orders.items.length === 0) {
    removeItem(heapOf(index, held), held.trail.entry);
  } else {
    refresh(index, held.trail);
  }
}

/** Takes out the next order that the reference price reaches; null when it reaches none. */
export function takeReached(index: TriggerIndex, reference: bigint): Reached | null {
  const rising = firstOf(index.rising);
  const falling = firstOf(index.falling);
  const entry =
    rising !== null && reference >= rising.price
      ? rising
      : falling !== null && reference <= falling.price
        ? falling
        : null;
  if (entry === null) {
    return null;
  }
  const reached = { held: entry.first, mark: entry.trail?.mark ?? null };
  unhold(index, entry.first);
  return reached;
}

/**
 * Lets the trailing orders of a side follow a price that is better than what they have seen.
 * @shape the first order held that follows; null when none does
 */
export function followPrice(index: TriggerIndex, side: Side, price: bigint): bigint | null {
  const cohorts = index.cohorts[side];
  let following: Cohort | null = null;
  for (let top = cohorts.at(-1); top !== undefined && isBeyond(side, price, top.mark); top = cohorts.at(-1)) {
    cohorts.pop();
    if (!isEmpty(top)) {
      following = following === null ? top : mergeCohorts(index, top, following);
    }
  }
  if (following === null) {
    return null;
  }
  const { fromHeldSeq } = following;
  following.mark = price;
  for (const trail of trailsOf(following)) {
    trail.mark = price;
    refresh(index, trail);
  }
  const below = cohorts.at(-1);
  if (below !== undefined && below.mark === price) {
    mergeCohorts(index, below, following);
  } else {
    cohorts.push(following);
  }
  return fromHeldSeq;
}

/** The best price a held order has seen; null for a fixed trigger. */
export function markOf(held: HeldOrder): bigint | null {
  return held.trail?.mark ?? null;
}

/** Where a held order's trigger stands now. */
export function triggerPriceOf({ order, trigger, trail }: HeldOrder): bigint {
  return trigger.kind === 'at'
    ? trigger.price
    : trailPrice(order.side, present(trail, 'a trailing order has a trail').mark, trigger);
}

function heldOrder(order: NewOrder, trigger: Trigger, heldSeq: bigint): HeldOrder {
  return { heapAt: 0, order, trigger, quantity: order.quantity, heldSeq, trail: null, entry: null };
}

function isNearerAbove(left: Entry, right: Entry): boolean {
  return left.price === right.price ? isOlder(left, right) : left.price < right.price;
}

function isNearerBelow(left: Entry, right: Entry): boolean {
  return left.price === right.price ? isOlder(left, right) : left.price > right.price;
}

function isOlder(left: Entry, right: Entry): boolean {
  return left.first.order.bookSeq < right.first.order.bookSeq;
}

/** A sale is held below the market and triggered as it falls; a buy the other way round. */
function heapOf(index: TriggerIndex, { order, trigger }: HeldOrder): Heap<Entry> {
  const rises = trigger.kind === 'at' ? trigger.direction === 'rises' : order.side === 'buy';
  return rises ? index.rising : index.falling;
}

function isBeyond(side: Side, price: bigint, mark: bigint): boolean {
  return side === 'sell' ? price > mark : price < mark;
}

function isEmpty(cohort: Cohort): boolean {
  return trailsOf(cohort).length === 0;
}

function trailsOf({ amounts, percents }: Cohort): Trail[] {
  return [amounts, percents].filter((trail) => trail !== null && trail.orders.items.length > 0) as Trail[];
}

/**
 * The cohort of a mark. Who is held now has seen the least, so it is the youngest or a new one; who is
 * put back after a restart finds its place by its mark.
 */
function cohortFor(cohorts: Cohort[], side: Side, heldSeq: bigint, mark: bigint): Cohort {
  while (cohorts.length > 0 && isEmpty(present(cohorts.at(-1), 'not empty'))) {
    cohorts.pop();
  }
  let at = cohorts.length;
  let older = cohorts[at - 1];
  while (older !== undefined && isBeyond(side, mark, older.mark)) {
    at -= 1;
    older = cohorts[at - 1];
  }
  if (older !== undefined && older.mark === mark) {
    older.fromHeldSeq = heldSeq < older.fromHeldSeq ? heldSeq : older.fromHeldSeq;
    return older;
  }
  const cohort: Cohort = { fromHeldSeq: heldSeq, mark, amounts: null, percents: null };
  cohorts.splice(at, 0, cohort);
  return cohort;
}

function openTrail(index: TriggerIndex, cohort: Cohort, first: HeldOrder): void {
  const orders = createHeap<HeldOrder>(isShorter);
  const entry = { heapAt: 0, price: 0n, first, trail: null as Trail | null };
  const trail: Trail = { orders, entry, mark: cohort.mark };
  entry.trail = trail;
  first.trail = trail;
  entry.price = triggerPriceOf(first);
  pushItem(orders, first);
  pushItem(heapOf(index, first), entry);
  if (isByAmount(first)) {
    cohort.amounts = trail;
  } else {
    cohort.percents = trail;
  }
}

/** Nearest trigger first within a trail: the shorter distance, then the lower number. */
function isShorter(left: HeldOrder, right: HeldOrder): boolean {
  const [mine, other] = [distanceOf(left), distanceOf(right)];
  return mine === other ? left.order.bookSeq < right.order.bookSeq : mine < other;
}

function distanceOf({ trigger }: HeldOrder): bigint {
  return trigger.kind === 'trail' ? (trigger.amount ?? trigger.percentMicro ?? 0n) : 0n;
}

function isByAmount({ trigger }: HeldOrder): boolean {
  return trigger.kind === 'trail' && trigger.amount !== null;
}

/** Puts a trail's entry where its nearest order belongs. */
function refresh(index: TriggerIndex, trail: Trail): void {
  const first = present(firstOf(trail.orders), 'a trail in the heap has orders');
  trail.entry.first = first;
  trail.entry.price = triggerPriceOf(first);
  moveItem(heapOf(index, first), trail.entry);
}

/** Both cohorts' orders as one, which begins where the older begins. */
function mergeCohorts(index: TriggerIndex, older: Cohort, younger: Cohort): Cohort {
  older.amounts = mergeTrails(index, older.amounts, younger.amounts);
  older.percents = mergeTrails(index, older.percents, younger.percents);
  return older;
}

function mergeTrails(index: TriggerIndex, one: Trail | null, other: Trail | null): Trail | null {
  if (one === null || one.orders.items.length === 0) {
    return other;
  }
  const first = other === null ? null : firstOf(other.orders);
  if (other === null || first === null) {
    return one;
  }
  const [larger, smaller] = one.orders.items.length < other.orders.items.length ? [other, one] : [one, other];
  removeItem(heapOf(index, first), smaller.entry);
  for (const held of smaller.orders.items) {
    held.trail = larger;
    pushItem(larger.orders, held);
  }
  refresh(index, larger);
  return larger;
}
