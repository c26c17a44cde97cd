/**
 * P6: the matching engine alone. Microseconds per command with its events on a mixed flow (60 % add,
 * 25 % cancel, 15 % take) over 100,000 resting orders, and seconds to rebuild a book of 1 M open orders.
 *
 * The flow is planned beforehand against a scratch book, so that every cancel and take meets orders.
 * The commands of a batch are made just before it and outside the clock, with ids, amounts and people
 * of their own, as if they had just been read; what the engine does with the batch is inside.
 */
import type { OpenOrder, OrderBook } from '../src/domains/trading/engine/book-state.ts';
import type { EngineCommand, NewOrder, Side } from '../src/domains/trading/engine/command.ts';
import type { EngineEvent } from '../src/domains/trading/engine/event.ts';
import {
  applyCommand,
  bestAsk,
  bestBid,
  depth,
  restoreOrderBook,
} from '../src/domains/trading/engine/order-book.ts';
import { ONE } from '../src/kernel/amount.ts';

const TARGET_COMMAND_US = 1;
const TARGET_REBUILD_S = 10;

const RESTING = 100_000;
const REBUILD_ORDERS = 1_000_000;
const BATCH_COMMANDS = 256;
const PEOPLE = 10_000;
const LOT = ONE / 1_000n;
const TICK = ONE / 100n;
const MID_TICKS = 6_500_000;
/** Adds lie up to so many ticks behind the best price, most of them near it. */
const SPREAD_TICKS = 2_000;

const COLUMNS = 6;
const KINDS: readonly Step['kind'][] = ['add', 'cancel', 'take', 'takeAtMarket'];
const SCATTER = 0x9e3779b1;
const DIGITS = '0123456789abcdef';
const uuidText = Buffer.from('0194f000-0000-7000-8000-000000000000');
const quick = process.argv.includes('--quick');
const plan = planFlow(quick ? 300_000 : 1_000_000);
const commandUs = Array.from({ length: quick ? 3 : 7 }, () => measureFlow());
const rebuildOrders = openOrdersOf(REBUILD_ORDERS);
const rebuildS = Array.from({ length: quick ? 2 : 5 }, () => measureRebuild(rebuildOrders));

const measures = [
  measureOf('P6', 'us/command', commandUs, TARGET_COMMAND_US),
  measureOf('P6_rebuild_s', 's', rebuildS, TARGET_REBUILD_S),
];
printTable();
console.log(
  JSON.stringify({ name: 'engine', measures }, (key, value) => (key === 'target' ? undefined : value)),
);
process.exit(measures.every((measure) => measure.median <= measure.target) ? 0 : 1);

/** One command of the plan; a cancel needs only the sequence of the order it takes out. */
type Step = {
  readonly kind: 'add' | 'cancel' | 'take' | 'takeAtMarket';
  readonly sequence: number;
  readonly side: Side;
  readonly person: number;
  readonly ticks: number;
  readonly lots: number;
};

/** Steps as columns of numbers, so that the plan itself gives the garbage collector nothing to walk. */
type Plan = {
  readonly length: number;
  readonly columns: Int32Array;
  events: number;
  trades: number;
  restingAfter: number;
  prices: number;
};

/** Microseconds per command, over all batches of the plan, on a freshly restored book. */
function measureFlow(): number {
  const book = restoreOrderBook(LOT, openOrdersOf(RESTING));
  Bun.gc(true);
  let elapsedNs = 0;
  let eventCount = 0;
  for (let from = 0; from < plan.length; from += BATCH_COMMANDS) {
    const size = Math.min(BATCH_COMMANDS, plan.length - from);
    const commands = Array.from({ length: size }, (_, offset) => commandOf(stepAt(plan, from + offset)));
    const startedNs = Bun.nanoseconds();
    const events: EngineEvent[] = [];
    for (const command of commands) {
      applyCommand(book, command, events);
    }
    elapsedNs += Bun.nanoseconds() - startedNs;
    eventCount += events.length;
  }
  if (eventCount !== plan.events) {
    throw new Error(`the flow gave ${eventCount} events, ${plan.events} when it was planned`);
  }
  return elapsedNs / 1_000 / plan.length;
}

function measureRebuild(orders: readonly OpenOrder[]): number {
  Bun.gc(true);
  const startedNs = Bun.nanoseconds();
  const book = restoreOrderBook(LOT, orders);
  const elapsedNs = Bun.nanoseconds() - startedNs;
  if (bestBid(book) === null) {
    throw new Error('the rebuilt book is empty');
  }
  return elapsedNs / 1e9;
}

function planFlow(length: number): Plan {
  const below = generatorOf(42);
  const book = restoreOrderBook(LOT, openOrdersOf(RESTING));
  const resting = createRestingList();
  const made: Plan = {
    length,
    columns: new Int32Array(length * COLUMNS),
    events: 0,
    trades: 0,
    restingAfter: 0,
    prices: 0,
  };
  for (let position = 0; position < length; position += 1) {
    const dice = below(100);
    const sequence = RESTING + position + 1;
    const step =
      dice >= 60 && dice < 85
        ? {
            ...planOrder(below, sequence, book, false),
            kind: 'cancel' as const,
            sequence: resting.draw(below),
          }
        : planOrder(below, sequence, book, dice >= 85);
    const { kind, side, person, ticks, lots } = step;
    const row = [KINDS.indexOf(kind), step.sequence, side === 'buy' ? 1 : 0, person, ticks, lots];
    made.columns.set(row, position * COLUMNS);
    const events: EngineEvent[] = [];
    applyCommand(book, commandOf(step), events);
    made.events += events.length;
    for (const event of events) {
      made.trades += event.type === 'trade' ? 1 : 0;
      resting.follow(event);
    }
  }
  const { bids, asks } = depth(book, Number.MAX_SAFE_INTEGER);
  const levels = [...bids, ...asks];
  const restingAfter = levels.reduce((orders, level) => orders + level.orderCount, 0);
  return { ...made, restingAfter, prices: levels.length };
}

function stepAt(from: Plan, position: number): Step {
  const column = (at: number): number => from.columns[position * COLUMNS + at] ?? 0;
  return {
    kind: KINDS[column(0)] ?? 'add',
    sequence: column(1),
    side: column(2) === 1 ? 'buy' : 'sell',
    person: column(3),
    ticks: column(4),
    lots: column(5),
  };
}

/** An add behind the best price, or a take of the two and a third orders that keep the book's size. */
function planOrder(
  below: (bound: number) => number,
  sequence: number,
  book: OrderBook,
  takes: boolean,
): Step {
  const side: Side = below(2) === 0 ? 'buy' : 'sell';
  const ask = Number((bestAsk(book) ?? 0n) / TICK) || MID_TICKS + 1;
  const bid = Number((bestBid(book) ?? 0n) / TICK) || MID_TICKS - 1;
  const behind = skewed(below);
  const passive =
    side === 'buy' ? Math.min(ask - 1, MID_TICKS) - behind : Math.max(bid + 1, MID_TICKS) + behind;
  const worst = side === 'buy' ? ask + SPREAD_TICKS : bid - SPREAD_TICKS;
  const kind = below(2) === 0 ? 'take' : 'takeAtMarket';
  const lots = takes ? 1 + below(25) : 1 + below(10);
  return {
    kind: takes ? kind : 'add',
    sequence,
    side,
    person: below(PEOPLE),
    ticks: takes ? worst : passive,
    lots,
  };
}

function commandOf(step: Step): EngineCommand {
  if (step.kind === 'cancel') {
    return { type: 'cancel', orderId: uuidOf(1, step.sequence), reason: 'requested' };
  }
  const atMarket = step.kind === 'takeAtMarket';
  const price = BigInt(step.ticks) * TICK;
  return {
    type: 'new',
    orderId: uuidOf(1, step.sequence),
    accountId: uuidOf(2, step.person),
    personId: uuidOf(3, step.person),
    side: step.side,
    orderType: atMarket ? 'market' : 'limit',
    timeInForce: step.kind === 'add' ? 'gtc' : 'ioc',
    price: atMarket ? null : price,
    quantity: BigInt(step.lots) * LOT,
    notional: null,
    priceCap: atMarket ? price : null,
    postOnly: false,
    bookSeq: BigInt(step.sequence),
  } satisfies NewOrder;
}

function openOrdersOf(count: number): OpenOrder[] {
  const below = generatorOf(7);
  return Array.from({ length: count }, (_, position) => {
    const side: Side = below(2) === 0 ? 'buy' : 'sell';
    const behind = skewed(below) + 1;
    const person = below(PEOPLE);
    return {
      orderId: uuidOf(1, position + 1),
      accountId: uuidOf(2, person),
      personId: uuidOf(3, person),
      side,
      price: BigInt(side === 'buy' ? MID_TICKS - behind : MID_TICKS + behind) * TICK,
      remaining: BigInt(1 + below(10)) * LOT,
      bookSeq: BigInt(position + 1),
    };
  });
}

/** Ticks behind the best price: the smaller of two draws, so that the book thins out with distance. */
function skewed(below: (bound: number) => number): number {
  return Math.min(below(SPREAD_TICKS), below(SPREAD_TICKS));
}

/** The sequences of what rests, from which cancels draw. */
function createRestingList() {
  const sequences = Array.from({ length: RESTING }, (_, position) => position + 1);
  const positions = new Map(sequences.map((sequence, position) => [uuidOf(1, sequence), position]));
  return {
    draw: (below: (bound: number) => number): number => sequences[below(sequences.length)] ?? 1,
    follow: (event: EngineEvent): void => {
      if (event.type === 'resting') {
        positions.set(event.orderId, sequences.length);
        sequences.push(sequenceOf(event.orderId));
        return;
      }
      const position =
        event.type === 'done' || event.type === 'cancelled' ? positions.get(event.orderId) : undefined;
      const last = sequences.at(-1);
      if (position !== undefined && last !== undefined && 'orderId' in event) {
        sequences[position] = last;
        positions.set(uuidOf(1, last), position);
        sequences.pop();
        positions.delete(event.orderId);
      }
    },
  };
}

/** A UUIDv7 in shape: ids of one hour begin alike and end at random. Each is a flat string of its own. */
function uuidOf(kind: number, sequence: number): string {
  uuidText[5] = DIGITS.charCodeAt(kind);
  writeHex(sequence >>> 16, 9, 4);
  writeHex(sequence & 0xffff, 24, 4);
  writeHex(Math.imul(sequence, SCATTER) >>> 0, 28, 8);
  return uuidText.toString('latin1');
}

function writeHex(value: number, at: number, digits: number): void {
  for (let digit = 0; digit < digits; digit += 1) {
    uuidText[at + digit] = DIGITS.charCodeAt((value >>> (4 * (digits - 1 - digit))) & 15);
  }
}

function sequenceOf(orderId: string): number {
  return Number.parseInt(orderId.slice(9, 13) + orderId.slice(24, 28), 16);
}

/** mulberry32: the same flow on every machine. */
function generatorOf(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

function measureOf(id: string, unit: string, values: readonly number[], target: number) {
  const sorted = [...values].sort((left, right) => left - right);
  const median = rounded(sorted[Math.floor(sorted.length / 2)] ?? Number.NaN);
  const spread = rounded((sorted.at(-1) ?? 0) - (sorted[0] ?? 0));
  return { id, ours: median, unit, runs: sorted.length, median, spread, target };
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function printTable(): void {
  const shareOf = (...kinds: Step['kind'][]): string => {
    let count = 0;
    for (let position = 0; position < plan.length; position += 1) {
      count += kinds.includes(stepAt(plan, position).kind) ? 1 : 0;
    }
    return `${((100 * count) / plan.length).toFixed(1)} %`;
  };
  console.log(`matching engine alone, ${plan.length} commands in batches of ${BATCH_COMMANDS}`);
  console.log(
    `  flow     ${shareOf('add')} add, ${shareOf('cancel')} cancel, ${shareOf('take', 'takeAtMarket')} take`,
  );
  console.log(`  answers  ${plan.events} events, ${plan.trades} of them trades`);
  console.log(`  book     ${RESTING} orders before, ${plan.restingAfter} after, ${plan.prices} prices\n`);
  console.log(
    `${'measure'.padEnd(14)}${'median'.padStart(10)}${'spread'.padStart(10)}${'target'.padStart(10)}  unit`,
  );
  for (const { id, median, spread, target, unit } of measures) {
    const figures = [median, spread, target].map((figure) => figure.toFixed(3).padStart(10)).join('');
    console.log(`${id.padEnd(14)}${figures}  ${unit}${median <= target ? '' : '  MISSED'}`);
  }
}
