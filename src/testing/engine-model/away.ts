/**
 * A model of a book whose orders a venue executes: a list of orders, each with what is left of it and what the venue
 * said. Random orders, cancels, halts, executions and ends, and a restart from what the database would hold.
 */
import { createOrderBook, type OrderBook } from '../../domains/trading/engine/book-state.ts';
import type { EngineCommand, NewOrder, VenueEnd } from '../../domains/trading/engine/command.ts';
import type { EngineEvent } from '../../domains/trading/engine/event.ts';
import { applyCommand } from '../../domains/trading/engine/order-book.ts';
import { ONE } from '../../kernel/amount.ts';
import { type Random, randomFrom } from '../random.ts';

const LENGTH = 40;
const LOT = ONE / 2n;

type Sent = {
  readonly order: NewOrder;
  executed: bigint;
  routed: boolean;
  recalled: 'requested' | 'expired' | 'restricted' | null;
  ends: { readonly executed: bigint; readonly reason: VenueEnd } | null;
};

type Venue = { halted: boolean; readonly sent: Sent[] };

/** What differs first on the random commands of a seed, or null. */
export function firstAwayDisagreement(seed: number): string | null {
  const random = randomFrom(seed);
  const model: Venue = { halted: false, sent: [] };
  let book = createOrderBook(LOT, false, true);
  const restartAt = random.below(LENGTH);
  for (let step = 0; step < LENGTH; step += 1) {
    if (step === restartAt) {
      book = restarted(model);
    }
    const command = randomCommand(random, model, step);
    const expected = stepModel(model, command);
    const events: EngineEvent[] = [];
    applyCommand(book, command, events);
    const actual = events.map(wordsOf);
    if (actual.join() !== expected.join()) {
      return `command ${step} (${command.type}) gives ${actual.join()}, the model ${expected.join()}`;
    }
    const left = [...book.away.values()].map(({ order, remaining }) => `${order.orderId} ${remaining}`);
    const modelled = model.sent.map(
      ({ order, executed }) => `${order.orderId} ${(order.quantity ?? 0n) - executed}`,
    );
    if (left.sort().join() !== modelled.sort().join()) {
      return `after command ${step} ${left.join()} are away, in the model ${modelled.join()}`;
    }
  }
  return null;
}

function randomCommand(random: Random, { sent, halted }: Venue, step: number): EngineCommand {
  const dice = random.below(100);
  const known = sent.length === 0 ? undefined : random.pick(sent);
  const orderId = known?.order.orderId ?? 'nobody';
  if (dice < 35) {
    return newOrder(random, step);
  }
  if (dice < 50) {
    return { type: 'cancel', orderId, reason: random.pick(['requested', 'expired', 'restricted']) };
  }
  if (dice < 60) {
    return { type: halted ? 'resume' : 'halt' };
  }
  const open = known === undefined ? 0n : (known.order.quantity ?? 0n) - known.executed;
  if (known?.routed === true && known.ends === null && open === 0n) {
    return { type: 'returned', orderId, reason: 'reserved_units_sold', executed: known.executed };
  }
  // A venue counts no more than it was sent, and has executed no more than it counts.
  const most = known?.ends == null ? open : known.ends.executed - known.executed;
  if (known?.routed !== true || most === 0n) {
    return { type: 'mark', price: 100n * ONE };
  }
  const part = LOT * BigInt(1 + random.below(Number(most / LOT)));
  if (dice < 85 || known.ends !== null) {
    return {
      type: 'executed',
      orderId,
      price: 100n * ONE,
      quantity: part,
      liquidity: 'taker',
      reportId: `r${step}`,
    };
  }
  const executed = random.pick([known.executed, known.executed + part, null]);
  const reason = random.pick(['venue_cancelled', 'venue_rejected', 'ioc_remainder'] as const);
  return executed === known.order.quantity && known.order.notional === null
    ? { type: 'returned', orderId, reason: 'filled', executed }
    : { type: 'returned', orderId, reason, executed };
}

function newOrder(random: Random, step: number): NewOrder {
  const timeInForce = random.pick(['gtc', 'gtc', 'day', 'ioc', 'fok'] as const);
  // A sale of so much, of no more than so many units: only its venue knows when it is done.
  const byNotional = random.below(4) === 0;
  return {
    type: 'new',
    orderId: `o${step}`,
    accountId: 'account',
    personId: 'person',
    side: byNotional ? 'sell' : random.pick(['buy', 'sell']),
    orderType: byNotional ? 'market' : 'limit',
    timeInForce,
    price: byNotional ? null : 100n * ONE,
    quantity: LOT * BigInt(1 + random.below(6)),
    notional: byNotional ? 1_000n * ONE : null,
    priceCap: byNotional ? 90n * ONE : null,
    postOnly: false,
    // Not in the order they come.
    bookSeq: BigInt(step * 4 + random.below(9)) * 100n + BigInt(step),
  };
}

function stepModel(model: Venue, command: EngineCommand): string[] {
  switch (command.type) {
    case 'new': {
      const { orderType, timeInForce } = command;
      const rests = orderType === 'limit' && timeInForce !== 'ioc' && timeInForce !== 'fok';
      if (model.halted && !rests) {
        return [`rejected ${command.orderId} halted`];
      }
      model.sent.push({ order: command, executed: 0n, routed: !model.halted, recalled: null, ends: null });
      return model.halted ? [] : [`routed ${command.orderId}`];
    }
    case 'cancel':
      return cancel(model, command.orderId, command.reason);
    case 'halt':
      model.halted = true;
      return ['halted'];
    case 'resume': {
      model.halted = false;
      const waiting = model.sent
        .filter(({ routed }) => !routed)
        .sort((left, right) => Number(left.order.bookSeq - right.order.bookSeq));
      for (const sent of waiting) {
        sent.routed = true;
      }
      return ['resumed', ...waiting.map(({ order }) => `routed ${order.orderId}`)];
    }
    case 'executed': {
      const sent = model.sent.find(({ order }) => order.orderId === command.orderId);
      if (sent === undefined) {
        return [];
      }
      sent.executed += command.quantity;
      const told = `executed ${command.orderId}`;
      if (sent.executed === sent.order.quantity && sent.order.notional === null) {
        leave(model, sent);
        return [told, `done ${command.orderId}`];
      }
      return [told, ...(sent.ends === null ? [] : conclude(model, sent, sent.ends))];
    }
    case 'returned': {
      const sent = model.sent.find(({ order }) => order.orderId === command.orderId);
      const executed = command.executed ?? sent?.executed ?? 0n;
      return sent === undefined ? [] : conclude(model, sent, { executed, reason: command.reason });
    }
    default:
      return [];
  }
}

function cancel(model: Venue, orderId: string, reason: 'requested' | 'expired' | 'restricted'): string[] {
  const sent = model.sent.find(({ order }) => order.orderId === orderId);
  if (sent === undefined || (sent.routed && sent.recalled !== null)) {
    return [`cancel_missed ${orderId}`];
  }
  if (sent.routed) {
    sent.recalled = reason;
    return [`recalled ${orderId} ${reason}`];
  }
  leave(model, sent);
  return [`cancelled ${orderId} ${reason}`];
}

function conclude(model: Venue, sent: Sent, ends: NonNullable<Sent['ends']>): string[] {
  const { orderId } = sent.order;
  if (sent.executed < ends.executed) {
    sent.ends = ends;
    return [];
  }
  leave(model, sent);
  if (ends.reason === 'filled') {
    return [`done ${orderId}`];
  }
  // Who asked for it back is the reason, where that is why the venue gave it back.
  return [
    `cancelled ${orderId} ${(ends.reason === 'venue_cancelled' ? sent.recalled : null) ?? ends.reason}`,
  ];
}

function leave({ sent }: Venue, gone: Sent): void {
  sent.splice(sent.indexOf(gone), 1);
}

function wordsOf(event: EngineEvent): string {
  const id = 'orderId' in event ? ` ${event.orderId}` : '';
  return `${event.type}${id}${'reason' in event ? ` ${event.reason}` : ''}`;
}

/** A new engine from what the database would hold. */
function restarted({ halted, sent }: Venue): OrderBook {
  const book = createOrderBook(LOT, false, true);
  const ignored: EngineEvent[] = [];
  if (halted) {
    applyCommand(book, { type: 'halt' }, ignored);
  }
  for (const { order, executed, routed, recalled, ends } of sent) {
    const left = { ...order, quantity: (order.quantity ?? 0n) - executed };
    applyCommand(book, routed ? { type: 'restore', order: left, executed, ends, recalled } : order, ignored);
  }
  return book;
}
