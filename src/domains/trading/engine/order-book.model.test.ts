/**
 * The engine against a model of itself: an array, searched and sorted anew for each match. Each random
 * sequence also restarts the engine once from its open orders. A disagreement prints its shortest
 * command log and the seed that found it.
 */
import { describe, expect, test } from 'bun:test';
import { ONE } from '../../../kernel/amount.ts';
import type { EngineCommand, NewOrder, Side } from './command.ts';
import type { CancelReason, EngineEvent } from './event.ts';
import {
  applyCommand,
  createOrderBook,
  type DepthLevel,
  depth,
  type OpenOrder,
  openOrders,
  restoreOrderBook,
} from './order-book.ts';

const LOT = ONE / 2n;

describe('engine and reference model', () => {
  test('agree on 20,000 random command sequences, each with a restart in it', () => {
    const seen = new Map<string, number>();
    for (let seed = 1; seed <= 20_000; seed += 1) {
      const commands = randomCommands(seed, 24);
      if (firstDisagreement(commands, seed % 24, seen) !== null) {
        const shortest = shorten(commands);
        throw new Error(`seed ${seed}: ${firstDisagreement(shortest, -1)}\n${jsonOf(shortest)}`);
      }
    }
    for (const what of OUTCOMES) {
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(100);
    }
  });

  test('agree on deep books of thousands of orders', () => {
    expect(firstDisagreement(randomCommands(99, 4_000, 400), 2_000)).toBeNull();
  });
});

describe('determinism', () => {
  test('one command log gives the same events byte for byte, with or without restarts', () => {
    const commands = randomCommands(2_026, 6_000, 60);
    const once = jsonOf(eventsOf(commands, 0));

    expect(jsonOf(eventsOf(commands, 0))).toBe(once);
    expect(jsonOf(eventsOf(commands, 7))).toBe(once);
    expect(once.length).toBeGreaterThan(500_000);
  });
});

const OUTCOMES = [
  'resting',
  'trade',
  'done',
  'cancel_missed',
  'halted',
  'resumed',
  'rejected halted',
  'rejected invalid_instruction',
  'cancelled requested',
  'cancelled ioc_remainder',
  'cancelled fok_unfillable',
  'cancelled self_match',
  'cancelled no_liquidity',
  'cancelled price_cap',
  'cancelled notional_too_small',
  'cancelled post_only_would_cross',
];

/** What differs first, or null; `restartAt` is the command before which the engine restarts. */
function firstDisagreement(
  commands: readonly EngineCommand[],
  restartAt: number,
  seen?: Map<string, number>,
): string | null {
  let book = createOrderBook(LOT);
  const model: Model = { resting: [], halted: false };
  for (const [step, command] of commands.entries()) {
    if (step === restartAt) {
      const { phase } = book;
      book = restoreOrderBook(LOT, openOrders(book));
      book.phase = phase;
    }
    const actual: EngineEvent[] = [];
    const expected: EngineEvent[] = [];
    applyCommand(book, command, actual);
    applyToModel(model, command, expected);
    if (!Bun.deepEquals(actual, expected, true)) {
      return `command ${step} gives ${jsonOf(actual)}, the model ${jsonOf(expected)}`;
    }
    for (const event of seen === undefined ? [] : actual) {
      const outcome = 'reason' in event ? `${event.type} ${event.reason}` : event.type;
      seen?.set(outcome, (seen.get(outcome) ?? 0) + 1);
    }
  }
  const bids = queueOf(model, 'buy');
  const asks = queueOf(model, 'sell');
  if (!Bun.deepEquals(openOrders(book), [...bids, ...asks], true)) {
    return `open orders ${jsonOf(openOrders(book))}, the model ${jsonOf([...bids, ...asks])}`;
  }
  if (!Bun.deepEquals(depth(book, 10_000), { bids: levelsOf(bids), asks: levelsOf(asks) }, true)) {
    return `depth ${jsonOf(depth(book, 10_000))} does not add up to its orders`;
  }
  return null;
}

/** Drops commands one by one for as long as engine and model still disagree. */
function shorten(commands: readonly EngineCommand[]): EngineCommand[] {
  let shortest = [...commands];
  for (let step = shortest.length - 1; step >= 0; step -= 1) {
    const without = shortest.toSpliced(step, 1);
    if (firstDisagreement(without, -1) !== null) {
      shortest = without;
    }
  }
  return shortest;
}

/** The events of a log, with a restart every so many commands (0: none). */
function eventsOf(commands: readonly EngineCommand[], restartEvery: number): EngineEvent[] {
  let book = createOrderBook(LOT);
  const events: EngineEvent[] = [];
  for (const [step, command] of commands.entries()) {
    if (restartEvery > 0 && step % restartEvery === 0) {
      const { phase } = book;
      book = restoreOrderBook(LOT, openOrders(book));
      book.phase = phase;
    }
    applyCommand(book, command, events);
  }
  return events;
}

type ModelOrder = { -readonly [Key in keyof OpenOrder]: OpenOrder[Key] };

type Model = { resting: ModelOrder[]; halted: boolean };

function applyToModel(model: Model, command: EngineCommand, events: EngineEvent[]): void {
  if (command.type === 'new') {
    applyNew(model, command, events);
  } else if (command.type === 'cancel') {
    const found = model.resting.find((order) => order.orderId === command.orderId);
    model.resting = model.resting.filter((order) => order !== found);
    events.push(
      found === undefined
        ? { type: 'cancel_missed', orderId: command.orderId }
        : { type: 'cancelled', orderId: found.orderId, reason: command.reason, remaining: found.remaining },
    );
  } else if (model.halted !== (command.type === 'halt')) {
    model.halted = command.type === 'halt';
    events.push({ type: model.halted ? 'halted' : 'resumed' });
  }
}

function applyNew(model: Model, order: NewOrder, events: EngineEvent[]): void {
  const { orderId } = order;
  if (model.resting.some((resting) => resting.orderId === orderId)) {
    return;
  }
  const immediate = order.timeInForce === 'ioc' || order.timeInForce === 'fok';
  const contradicts =
    order.orderType === 'market' ? order.postOnly : order.notional !== null || (order.postOnly && immediate);
  if (contradicts || model.halted) {
    events.push({ type: 'rejected', orderId, reason: contradicts ? 'invalid_instruction' : 'halted' });
    return;
  }
  const makers = queueOf(model, order.side === 'buy' ? 'sell' : 'buy');
  const cancelled = (reason: CancelReason, remaining: bigint | null): void => {
    events.push({ type: 'cancelled', orderId, reason, remaining });
  };
  if (order.postOnly && makers.some((maker) => isWithin(order, maker.price))) {
    cancelled('post_only_would_cross', order.quantity);
    return;
  }
  const result = take(order, makers);
  if (order.timeInForce === 'fok' && result.end !== 'done') {
    cancelled('fok_unfillable', order.quantity);
    return;
  }
  for (const { maker, quantity, left } of result.trades) {
    maker.remaining -= quantity;
    events.push(printOf(order, maker, quantity, left));
    if (maker.remaining === 0n) {
      events.push({ type: 'done', orderId: maker.orderId });
    }
  }
  model.resting = model.resting.filter((resting) => resting.remaining > 0n);
  if (result.end === 'done') {
    events.push({ type: 'done', orderId });
  } else if (result.end === 'self_match' || result.end === 'notional_too_small') {
    cancelled(result.end, result.left);
  } else if (order.orderType === 'market') {
    cancelled(result.end, result.left);
  } else if (immediate) {
    cancelled('ioc_remainder', result.left);
  } else {
    const remaining = result.left ?? 0n;
    const { accountId, personId, side, bookSeq } = order;
    model.resting.push({ orderId, accountId, personId, side, price: order.price ?? 0n, remaining, bookSeq });
    events.push({ type: 'resting', orderId, remaining });
  }
}

type Taken = {
  trades: { maker: ModelOrder; quantity: bigint; left: bigint | null }[];
  end: 'done' | 'self_match' | 'notional_too_small' | 'no_liquidity' | 'price_cap';
  left: bigint | null;
};

/** Whom an order would trade with, decided on paper. */
function take(order: NewOrder, makers: ModelOrder[]): Taken {
  const trades: Taken['trades'] = [];
  let left = order.quantity;
  let budget = order.notional;
  for (const maker of makers) {
    if (!isWithin(order, maker.price)) {
      return { trades, end: 'price_cap', left };
    }
    const lotCost = (maker.price * LOT) / ONE;
    const wanted = left ?? ((budget ?? 0n) / lotCost) * LOT;
    if (wanted === 0n) {
      return { trades, end: trades.length > 0 ? 'done' : 'notional_too_small', left };
    }
    if (maker.personId === order.personId) {
      return { trades, end: 'self_match', left };
    }
    const quantity = wanted < maker.remaining ? wanted : maker.remaining;
    left = left === null ? null : left - quantity;
    budget = budget === null ? null : budget - (maker.price * quantity) / ONE;
    trades.push({ maker, quantity, left });
    if (left === 0n || (budget !== null && budget < lotCost)) {
      return { trades, end: 'done', left };
    }
  }
  return { trades, end: 'no_liquidity', left };
}

function isWithin(order: NewOrder, price: bigint): boolean {
  const worst = order.price ?? order.priceCap;
  return worst === null || (order.side === 'buy' ? price <= worst : price >= worst);
}

/** One side in the order it trades: best price, then lowest sequence. */
function queueOf(model: Model, side: Side): ModelOrder[] {
  const sign = side === 'buy' ? -1 : 1;
  return model.resting
    .filter((order) => order.side === side)
    .sort((left, right) => {
      if (left.price !== right.price) {
        return left.price < right.price ? -sign : sign;
      }
      return left.bookSeq < right.bookSeq ? -1 : 1;
    });
}

function levelsOf(queue: ModelOrder[]): DepthLevel[] {
  const prices = [...new Set(queue.map((order) => order.price))];
  return prices.map((price) => {
    const orders = queue.filter((order) => order.price === price);
    return {
      price,
      quantity: orders.reduce((sum, order) => sum + order.remaining, 0n),
      orderCount: orders.length,
    };
  });
}

function printOf(order: NewOrder, maker: ModelOrder, quantity: bigint, left: bigint | null): EngineEvent {
  return {
    type: 'trade',
    price: maker.price,
    quantity,
    takerSide: order.side,
    makerOrderId: maker.orderId,
    makerAccountId: maker.accountId,
    makerPersonId: maker.personId,
    makerRemaining: maker.remaining,
    takerOrderId: order.orderId,
    takerAccountId: order.accountId,
    takerPersonId: order.personId,
    takerRemaining: left,
  };
}

const TIMES_IN_FORCE = ['day', 'gtc', 'gtc', 'gtd', 'ioc', 'fok'] as const;

/** A log that meets every rule: crossing prices, few people, replays, late sequences, halts. */
function randomCommands(seed: number, length: number, spread = 6): EngineCommand[] {
  const below = generatorOf(seed);
  const commands: EngineCommand[] = [];
  for (let step = 0; step < length; step += 1) {
    const dice = below(100);
    if (dice < 20) {
      commands.push({ type: 'cancel', orderId: `o${below(step + 2)}`, reason: 'requested' });
    } else if (dice < 25) {
      commands.push({ type: dice < 22 ? 'halt' : 'resume' });
    } else {
      const replayed = below(30) === 0 ? commands[below(step + 1)] : undefined;
      commands.push(replayed ?? randomOrder(below, step, spread));
    }
  }
  return commands;
}

function randomOrder(below: (bound: number) => number, step: number, spread: number): NewOrder {
  const isMarket = below(4) === 0;
  const byNotional = below(isMarket ? 2 : 100) === 0;
  const price = BigInt(500 - spread / 2 + below(spread)) * ONE;
  const isLate = below(10) === 0;
  const person = `p${below(5)}`;
  return {
    type: 'new',
    orderId: `o${step}`,
    accountId: `${person}/${below(2)}`,
    personId: person,
    side: below(2) === 0 ? 'buy' : 'sell',
    orderType: isMarket ? 'market' : 'limit',
    timeInForce: TIMES_IN_FORCE[below(TIMES_IN_FORCE.length)] ?? 'gtc',
    price: isMarket ? null : price,
    quantity: byNotional ? null : BigInt(1 + below(8)) * LOT,
    notional: byNotional ? BigInt(100 + below(3_000)) * ONE : null,
    priceCap: isMarket && below(2) === 0 ? price : null,
    postOnly: below(12) === 0,
    bookSeq: BigInt(step) * 2n + (isLate ? 1n : 8n),
  };
}

/** A small generator of our own, so that a seed means the same everywhere (mulberry32). */
function generatorOf(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));
}
