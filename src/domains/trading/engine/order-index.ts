/**
 * Resting orders by id: a hash table chained through the orders themselves. A Map of strings spends
 * most of an engine command on comparing and hashing ids; here a look-up touches the order it finds
 * and little else, and a removal compares no text. Order ids are our own (random at their end), so the
 * hash need not withstand chosen keys.
 */
import type { RestingOrder } from './price-level.ts';

const BUCKETS_MIN = 1_024;
const HASHED_CHARACTERS = 8;

export type OrderIndex = {
  /** A power of two of them, at least twice as many as orders. */
  buckets: (RestingOrder | null)[];
  size: number;
};

/** An index without orders. */
export function createOrderIndex(): OrderIndex {
  return { buckets: emptyBuckets(BUCKETS_MIN), size: 0 };
}

/** The resting order of an id; undefined where none rests. */
export function findOrder(index: OrderIndex, orderId: string): RestingOrder | null {
  const hash = hashOf(orderId);
  let order = index.buckets[hash & (index.buckets.length - 1)] ?? null;
  while (order !== null && (order.idHash !== hash || order.orderId !== orderId)) {
    order = order.sameBucket;
  }
  return order;
}

/** Adds an order whose id is not there yet. */
export function indexOrder(index: OrderIndex, order: RestingOrder): void {
  if (index.size * 2 === index.buckets.length) {
    grow(index);
  }
  const bucket = order.idHash & (index.buckets.length - 1);
  order.sameBucket = index.buckets[bucket] ?? null;
  index.buckets[bucket] = order;
  index.size += 1;
}

/** Removes an order that is there. */
export function unindexOrder(index: OrderIndex, order: RestingOrder): void {
  const bucket = order.idHash & (index.buckets.length - 1);
  const first = index.buckets[bucket] ?? null;
  if (first === order) {
    index.buckets[bucket] = order.sameBucket;
  } else {
    let before = first;
    while (before !== null && before.sameBucket !== order) {
      before = before.sameBucket;
    }
    if (before !== null) {
      before.sameBucket = order.sameBucket;
    }
  }
  order.sameBucket = null;
  index.size -= 1;
}

/** FNV-1a over the end of an id, where a UUIDv7 is random. */
export function hashOf(id: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = Math.max(id.length - HASHED_CHARACTERS, 0); at < id.length; at += 1) {
    hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  }
  return hash ^ (hash >>> 15);
}

function grow(index: OrderIndex): void {
  const old = index.buckets;
  index.buckets = emptyBuckets(old.length * 2);
  const mask = index.buckets.length - 1;
  for (const first of old) {
    for (let order = first; order !== null; ) {
      const next: RestingOrder | null = order.sameBucket;
      order.sameBucket = index.buckets[order.idHash & mask] ?? null;
      index.buckets[order.idHash & mask] = order;
      order = next;
    }
  }
}

function emptyBuckets(count: number): (RestingOrder | null)[] {
  return Array.from({ length: count }, () => null);
}
