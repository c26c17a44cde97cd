/**
 * A binary heap whose items know their place, so that any of them is taken out or moved in
 * logarithmic time and not only the first.
 */
import { present } from '../../../kernel/assert.ts';

export type HeapItem = { heapAt: number };

export type Heap<Item extends HeapItem> = {
  readonly items: Item[];
  readonly isBefore: (left: Item, right: Item) => boolean;
};

/** A heap without items; `isBefore` orders any two of them strictly. */
export function createHeap<Item extends HeapItem>(
  isBefore: (left: Item, right: Item) => boolean,
): Heap<Item> {
  return { items: [], isBefore };
}

/** The item before all others; null where there is none. */
export function firstOf<Item extends HeapItem>(heap: Heap<Item>): Item | null {
  return heap.items[0] ?? null;
}

/** Adds an item that is in no heap. */
export function pushItem<Item extends HeapItem>(heap: Heap<Item>, item: Item): void {
  heap.items.push(item);
  rise(heap, item, heap.items.length - 1);
}

/** Takes an item out that is there. */
export function removeItem<Item extends HeapItem>(heap: Heap<Item>, item: Item): void {
  const last = present(heap.items.pop(), 'an item to remove is in its heap');
  if (last !== item) {
    rise(heap, last, item.heapAt);
    sink(heap, last);
  }
}

/** Finds the place of an item anew whose order has changed. */
export function moveItem<Item extends HeapItem>(heap: Heap<Item>, item: Item): void {
  rise(heap, item, item.heapAt);
  sink(heap, item);
}

function rise<Item extends HeapItem>(heap: Heap<Item>, item: Item, from: number): void {
  let at = from;
  while (at > 0) {
    const parentAt = (at - 1) >>> 1;
    const parent = present(heap.items[parentAt], 'index within bounds');
    if (!heap.isBefore(item, parent)) {
      break;
    }
    put(heap, parent, at);
    at = parentAt;
  }
  put(heap, item, at);
}

function sink<Item extends HeapItem>(heap: Heap<Item>, item: Item): void {
  let at = item.heapAt;
  for (;;) {
    const left = heap.items[2 * at + 1];
    const right = heap.items[2 * at + 2];
    if (left === undefined) {
      break;
    }
    const child = right !== undefined && heap.isBefore(right, left) ? right : left;
    if (!heap.isBefore(child, item)) {
      break;
    }
    const childAt = child.heapAt;
    put(heap, child, at);
    at = childAt;
  }
  put(heap, item, at);
}

function put<Item extends HeapItem>(heap: Heap<Item>, item: Item, at: number): void {
  heap.items[at] = item;
  item.heapAt = at;
}
