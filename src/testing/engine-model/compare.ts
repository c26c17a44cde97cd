/**
 * Engine and model under the same random commands. What the engine sets free comes back as a command
 * of its own, as in the pipeline; what it asks to be kept of trailing orders is kept as in the
 * database, and a restart begins from that and from the open orders alone.
 */
import { createOrderBook, type OrderBook } from '../../domains/trading/engine/book-state.ts';
import type { EngineCommand, HoldOrder, NewOrder } from '../../domains/trading/engine/command.ts';
import type { EngineEvent } from '../../domains/trading/engine/event.ts';
import { applyCommand, depth, heldOrders, openOrders } from '../../domains/trading/engine/order-book.ts';
import { ONE } from '../../kernel/amount.ts';
import { createModel, stepModel, triggerOf } from './model.ts';
import { type Model, type ModelGroup, priceOf, queueOf } from './orders.ts';

export const LOT = ONE / 2n;

type Kept = { heldSeqOf: Map<string, bigint>; marks: { from: bigint; side: string; mark: bigint }[] };

/** What differs first, or null; the engine restarts before the command `restartAt`. */
export function firstDisagreement(
  commands: readonly EngineCommand[],
  restartAt: number,
  seen?: Map<string, number>,
): string | null {
  let book = createOrderBook(LOT);
  const model = createModel(LOT);
  const kept: Kept = { heldSeqOf: new Map(), marks: [] };
  const comeback = createComeback(commands);
  for (const [step, command] of commands.entries()) {
    if (step === restartAt) {
      book = restarted(book, model, kept);
    }
    const queue: EngineCommand[] = [command];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const actual: EngineEvent[] = [];
      applyCommand(book, next, actual);
      const expected = stepModel(model, next);
      if (!sameEvents(actual, expected)) {
        return `command ${step} gives ${jsonOf(actual)}, the model ${jsonOf(expected)}`;
      }
      keep(kept, actual, comeback);
      const standing = differentStanding(book, model, kept);
      if (standing !== null) {
        return `after command ${step} ${standing}`;
      }
      for (const event of seen === undefined ? [] : actual) {
        const outcome = 'reason' in event ? `${event.type} ${event.reason}` : event.type;
        seen?.set(outcome, (seen.get(outcome) ?? 0) + 1);
      }
      queue.push(...comeback.of(actual));
    }
  }
  return differentDepth(book, model);
}

/** All events of a log, with what comes back. */
export function eventsOf(commands: readonly EngineCommand[]): EngineEvent[] {
  const book = createOrderBook(LOT);
  const comeback = createComeback(commands);
  const events: EngineEvent[] = [];
  for (const command of commands) {
    const queue: EngineCommand[] = [command];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const from = events.length;
      applyCommand(book, next, events);
      queue.push(...comeback.of(events.slice(from)));
    }
  }
  return events;
}

/** Drops commands one by one for as long as engine and model still disagree. */
export function shorten(commands: readonly EngineCommand[], restartAt: number): EngineCommand[] {
  let shortest = [...commands];
  for (let step = shortest.length - 1; step >= 0; step -= 1) {
    const without = shortest.toSpliced(step, 1);
    if (firstDisagreement(without, restartAt) !== null) {
      shortest = without;
    }
  }
  return shortest;
}

/** Bigints as text. */
export function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));
}

/** Orders that were set free, as the commands by which they come back: later than all before. */
function createComeback(commands: readonly EngineCommand[]) {
  const orders = new Map<string, NewOrder | HoldOrder>();
  const open = new Map<string, bigint>();
  let lastSeq = 1_000_000n;
  const know = (command: EngineCommand): void => {
    if (command.type === 'new') {
      orders.set(command.orderId, command);
    } else if (command.type === 'hold') {
      orders.set(command.order.orderId, command);
    } else if (command.type === 'group') {
      command.members.forEach(know);
    }
  };
  commands.forEach(know);
  return {
    reduce: (orderId: string, remaining: bigint) => open.set(orderId, remaining),
    of: (events: readonly EngineEvent[]): EngineCommand[] =>
      events.flatMap((event) => {
        if (event.type === 'triggered') {
          const known = orders.get(event.orderId);
          lastSeq += 1n;
          if (known?.type !== 'hold') {
            return [];
          }
          const quantity = open.get(event.orderId) ?? known.order.quantity;
          return [{ ...known.order, quantity, bookSeq: lastSeq }];
        }
        if (event.type === 'released') {
          lastSeq += 1n;
          return [childOf(event.orderId, event.quantity, lastSeq)];
        }
        return [];
      }),
  };
}

function childOf(orderId: string, quantity: bigint, bookSeq: bigint): NewOrder {
  return {
    type: 'new',
    orderId,
    accountId: 'p0/0',
    personId: 'p0',
    side: bookSeq % 2n === 0n ? 'buy' : 'sell',
    orderType: 'limit',
    timeInForce: 'gtc',
    price: (497n + (bookSeq % 7n)) * ONE,
    quantity,
    notional: null,
    priceCap: null,
    postOnly: false,
    bookSeq,
  };
}

/** From which held order on a mark counts may name one that has left: the marks themselves are compared. */
function sameEvents(actual: readonly EngineEvent[], expected: readonly EngineEvent[]): boolean {
  const bare = (events: readonly EngineEvent[]) =>
    events.map((event) => (event.type === 'marked' ? { ...event, fromHeldSeq: 0n } : event));
  return Bun.deepEquals(bare(actual), bare(expected), true);
}

function keep(kept: Kept, events: readonly EngineEvent[], comeback: ReturnType<typeof createComeback>): void {
  for (const event of events) {
    if (event.type === 'held' && event.trail !== null) {
      kept.heldSeqOf.set(event.orderId, event.trail.heldSeq);
      const { heldSeq, mark } = event.trail;
      // Of which side it is, is asked when it is read: both have a row each.
      kept.marks.push({ from: heldSeq, side: 'buy', mark }, { from: heldSeq, side: 'sell', mark });
    } else if (event.type === 'marked') {
      const { fromHeldSeq: from, side, mark } = event;
      kept.marks = kept.marks.filter((row) => row.side !== side || row.from < from);
      kept.marks.push({ from, side, mark });
    } else if (event.type === 'reduced') {
      comeback.reduce(event.orderId, event.remaining);
    }
  }
}

function keptMark(kept: Kept, side: string, heldSeq: bigint): bigint | null {
  const rows = kept.marks.filter((row) => row.side === side && row.from <= heldSeq);
  return rows.sort((left, right) => Number(right.from - left.from))[0]?.mark ?? null;
}

function differentStanding(book: OrderBook, model: Model, kept: Kept): string | null {
  const standing = heldOrders(book);
  const expected = model.held
    .map((held) => ({
      orderId: held.order.orderId,
      side: held.order.side,
      triggerPrice: triggerOf(held),
      mark: held.mark,
      quantity: held.quantity,
      bookSeq: held.order.bookSeq,
    }))
    .sort((left, right) => Number(left.bookSeq - right.bookSeq));
  if (!Bun.deepEquals(standing, expected, true)) {
    return `held are ${jsonOf(standing)}, in the model ${jsonOf(expected)}`;
  }
  const lost = model.held.find(
    ({ order, mark, heldSeq }) => mark !== null && keptMark(kept, order.side, heldSeq) !== mark,
  );
  return lost === undefined ? null : `the mark of ${lost.order.orderId} is not kept`;
}

function differentDepth(book: OrderBook, model: Model): string | null {
  const queues = [queueOf(model, 'buy'), queueOf(model, 'sell')] as const;
  const expected = queues.flat().map((resting) => {
    const { orderId, accountId, personId, side, bookSeq } = resting.order;
    return { orderId, accountId, personId, side, price: priceOf(resting), remaining: resting.left, bookSeq };
  });
  if (!Bun.deepEquals(openOrders(book), expected, true)) {
    return `open orders ${jsonOf(openOrders(book))}, the model ${jsonOf(expected)}`;
  }
  const [bids, asks] = queues.map((queue) =>
    [...new Set(queue.map(priceOf))].map((price) => {
      const level = queue.filter((order) => priceOf(order) === price);
      return { price, quantity: level.reduce((sum, { left }) => sum + left, 0n), orderCount: level.length };
    }),
  );
  return Bun.deepEquals(depth(book, 10_000), { bids, asks }, true)
    ? null
    : `depth ${jsonOf(depth(book, 10_000))} does not add up to its orders`;
}

/** Who belongs together; all have yet to enter. */
function seatsOf({ members, coming }: ModelGroup, standing: ReadonlyMap<string, NewOrder | HoldOrder>) {
  return members.map((orderId) => {
    const command = standing.get(orderId);
    const order = command?.type === 'hold' ? command.order : command;
    return { orderId, quantity: coming.get(orderId) ?? order?.quantity ?? 0n };
  });
}

/** A new engine from what the database would hold: orders in the order of their numbers, and marks. */
function restarted(before: OrderBook, model: Model, kept: Kept): OrderBook {
  const book = createOrderBook(LOT);
  const ignored: EngineEvent[] = [];
  const apply = (command: EngineCommand): void => applyCommand(book, command, ignored);
  if (before.reference !== null) {
    apply({ type: 'mark', price: before.reference });
  }
  if (before.phase === 'halted') {
    apply({ type: 'halt' });
  }
  const resting = model.resting.map(({ order, left }): NewOrder => ({ ...order, quantity: left }));
  const held = model.held.map(({ order, trigger, quantity, heldSeq }): HoldOrder => {
    const mark = keptMark(kept, order.side, heldSeq);
    const again =
      trigger.kind === 'trail' && mark !== null ? { ...trigger, standing: { heldSeq, mark } } : trigger;
    return { type: 'hold', order: { ...order, quantity }, trigger: again };
  });
  const byId = new Map<string, NewOrder | HoldOrder>([
    ...resting.map((order) => [order.orderId, order] as const),
    ...held.map((hold) => [hold.order.orderId, hold] as const),
  ]);
  for (const { orderId, parentId, quantity } of model.waiting) {
    const parent = model.parents.find((each) => each.orderId === parentId);
    const { quantity: parentQuantity = null, traded: parentTraded = 0n } = parent ?? {};
    apply({ type: 'wait', orderId, parentId, quantity, parentQuantity, parentTraded });
  }
  const seqOf = (command: NewOrder | HoldOrder) =>
    command.type === 'hold' ? command.order.bookSeq : command.bookSeq;
  const sorted = [...byId.values()].sort((left, right) => Number(seqOf(left) - seqOf(right)));
  for (const group of model.groups.filter(({ members }) => members.length > 1)) {
    apply({ type: 'group', groupId: 'again', members: [], seats: seatsOf(group, byId) });
  }
  for (const command of sorted) {
    apply(command);
  }
  for (const orderId of model.over) {
    book.dependants.over.add(orderId);
  }
  // The number the next held order gets comes from the database too.
  book.triggers.lastHeldSeq = before.triggers.lastHeldSeq;
  book.highestSeq = before.highestSeq;
  return book;
}
