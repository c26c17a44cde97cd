/**
 * A model of the matching engine: arrays, searched and sorted anew for every step, each trailing order
 * with a best price of its own, an auction that tries every price. It shares no code with the engine
 * but the types of what goes in and comes out. Slow and plain, to be read beside the rules.
 */
import type {
  EngineCommand,
  GroupOrders,
  HoldOrder,
  NewOrder,
} from '../../domains/trading/engine/command.ts';
import type { EngineEvent } from '../../domains/trading/engine/event.ts';
import { ONE } from '../../kernel/amount.ts';
import { auction } from './auction.ts';
import {
  cancelled,
  compare,
  least,
  type Model,
  type ModelGroup,
  type ModelHeld,
  type ModelResting,
  priceOf,
  printOf,
  queueOf,
} from './orders.ts';

/** A model without orders. */
export function createModel(lot: bigint): Model {
  return {
    lot,
    halted: false,
    reference: null,
    lastHeldSeq: 0n,
    resting: [],
    held: [],
    waiting: [],
    parents: [],
    groups: [],
    over: [],
  };
}

/** What one command does. */
export function stepModel(model: Model, command: EngineCommand): EngineEvent[] {
  const events: EngineEvent[] = [];
  if (command.type === 'group') {
    enter(model, command, events);
    return events;
  }
  act(model, command, events);
  consequences(model, events, 0);
  return events;
}

/** Where a held order triggers now. */
export function triggerOf({ order, trigger, mark }: ModelHeld): bigint {
  if (trigger.kind === 'at') {
    return trigger.price;
  }
  const whole = 100_000_000n;
  const share = (mark ?? 0n) * (trigger.percentMicro ?? 0n);
  const distance = trigger.amount ?? share / whole + (share % whole === 0n ? 0n : 1n);
  return order.side === 'sell' ? (mark ?? 0n) - distance : (mark ?? 0n) + distance;
}

function act(model: Model, command: Exclude<EngineCommand, { type: 'group' }>, events: EngineEvent[]): void {
  switch (command.type) {
    case 'new':
    case 'hold':
      enterOne(model, command, events);
      break;
    case 'wait':
      if (!isKnown(model, command.orderId)) {
        const { orderId, parentId, quantity, parentQuantity, parentTraded } = command;
        if (!model.parents.some((parent) => parent.orderId === parentId)) {
          model.parents.push({ orderId: parentId, quantity: parentQuantity, traded: parentTraded });
        }
        model.waiting.push({ orderId, parentId, quantity });
      }
      break;
    case 'cancel': {
      const open = remove(model, command.orderId);
      events.push(
        open === undefined
          ? { type: 'cancel_missed', orderId: command.orderId }
          : cancelled(command.orderId, command.reason, open),
      );
      break;
    }
    case 'mark':
      touch(model, command.price, events);
      break;
    case 'halt':
      if (!model.halted) {
        model.halted = true;
        events.push({ type: 'halted' });
      }
      break;
    case 'resume':
      if (model.halted) {
        model.halted = false;
        events.push({ type: 'resumed' });
        auction(model, events);
        if (model.reference !== null) {
          touch(model, model.reference, events);
        }
      }
      break;
    // Of books that send their orders elsewhere; this one matches.
    case 'restore':
    case 'executed':
    case 'returned':
      break;
  }
}

function admit(model: Model, order: NewOrder, events: EngineEvent[]): void {
  const { orderId } = order;
  if (model.resting.some((resting) => resting.order.orderId === orderId)) {
    return;
  }
  const immediate = order.timeInForce === 'ioc' || order.timeInForce === 'fok';
  if (contradicts(order) || (model.halted && (order.orderType === 'market' || immediate))) {
    const reason = contradicts(order) ? 'invalid_instruction' : 'halted';
    events.push({ type: 'rejected', orderId, reason });
    return;
  }
  const makers = queueOf(model, order.side === 'buy' ? 'sell' : 'buy');
  if (order.postOnly && !model.halted && makers.some((maker) => isWithin(order, priceOf(maker)))) {
    events.push(cancelled(orderId, 'post_only_would_cross', order.quantity));
    return;
  }
  const result = take(model, order, model.halted ? [] : makers);
  if (order.timeInForce === 'fok' && result.end !== 'done') {
    events.push(cancelled(orderId, 'fok_unfillable', order.quantity));
    return;
  }
  for (const { maker, quantity, left } of result.trades) {
    maker.left -= quantity;
    events.push(printOf(order, maker, quantity, left));
    if (maker.left === 0n) {
      events.push({ type: 'done', orderId: maker.order.orderId });
    }
  }
  model.resting = model.resting.filter((resting) => resting.left > 0n);
  if (result.end === 'done') {
    events.push({ type: 'done', orderId });
  } else if (
    result.end === 'self_match' ||
    result.end === 'notional_too_small' ||
    result.end === 'reserved_units_sold'
  ) {
    events.push(cancelled(orderId, result.end, result.left));
  } else if (order.orderType === 'market') {
    events.push(cancelled(orderId, result.end, result.left));
  } else if (immediate) {
    events.push(cancelled(orderId, 'ioc_remainder', result.left));
  } else {
    model.resting.push({ order, left: result.left ?? 0n });
    events.push({ type: 'resting', orderId, remaining: result.left ?? 0n });
  }
}

function contradicts(order: NewOrder): boolean {
  const immediate = order.timeInForce === 'ioc' || order.timeInForce === 'fok';
  return order.orderType === 'market'
    ? order.postOnly
    : order.notional !== null || (order.postOnly && immediate);
}

type Taken = {
  trades: { maker: ModelResting; quantity: bigint; left: bigint | null }[];
  end: 'done' | 'self_match' | 'notional_too_small' | 'reserved_units_sold' | 'no_liquidity' | 'price_cap';
  left: bigint | null;
};

/** Whom an order would trade with, decided on paper. */
function take(model: Model, order: NewOrder, makers: ModelResting[]): Taken {
  const trades: Taken['trades'] = [];
  let left = order.quantity;
  let budget = order.notional;
  for (const maker of makers) {
    const price = priceOf(maker);
    if (!isWithin(order, price)) {
      return { trades, end: 'price_cap', left };
    }
    const lotCost = (price * model.lot) / ONE;
    const paidFor = budget === null ? null : (budget / lotCost) * model.lot;
    const wanted = paidFor === null ? (left ?? 0n) : least(paidFor, left ?? paidFor);
    if (wanted === 0n) {
      return { trades, end: trades.length > 0 ? 'done' : 'notional_too_small', left };
    }
    if (maker.order.personId === order.personId) {
      return { trades, end: 'self_match', left };
    }
    const quantity = least(wanted, maker.left);
    left = left === null ? null : left - quantity;
    budget = budget === null ? null : budget - (price * quantity) / ONE;
    trades.push({ maker, quantity, left });
    if (budget === null ? left === 0n : budget < lotCost) {
      return { trades, end: 'done', left };
    }
    if (left === 0n) {
      return { trades, end: 'reserved_units_sold', left };
    }
  }
  return { trades, end: 'no_liquidity', left };
}

function hold(model: Model, { order, trigger }: HoldOrder, events: EngineEvent[]): void {
  const { orderId } = order;
  if (isKnown(model, orderId)) {
    return;
  }
  if (contradicts(order)) {
    events.push({ type: 'rejected', orderId, reason: 'invalid_instruction' });
    return;
  }
  const held = { order, trigger, quantity: order.quantity, mark: null, heldSeq: 0n };
  if (trigger.kind === 'at') {
    if (!model.halted && model.reference !== null && isReached(held, model.reference)) {
      triggerOne(model, orderId, model.reference, null, events);
    } else {
      model.held.push(held);
      events.push({ type: 'held', orderId, trail: null });
    }
    return;
  }
  const mark = trigger.standing?.mark ?? model.reference;
  if (mark === null) {
    events.push({ type: 'rejected', orderId, reason: 'no_reference_price' });
    return;
  }
  const heldSeq = trigger.standing?.heldSeq ?? model.lastHeldSeq + 1n;
  model.lastHeldSeq = heldSeq > model.lastHeldSeq ? heldSeq : model.lastHeldSeq;
  model.held.push({ ...held, mark, heldSeq });
  events.push({ type: 'held', orderId, trail: trigger.standing === null ? { heldSeq, mark } : null });
  if (trigger.standing !== null && model.reference !== null) {
    touch(model, model.reference, events);
  }
}

/** One of a group enters with what the others have left of it; one that they ended does not. */
function enterOne(model: Model, command: NewOrder | HoldOrder, events: EngineEvent[]): void {
  const { orderId } = command.type === 'hold' ? command.order : command;
  if (model.over.includes(orderId)) {
    model.over = model.over.filter((each) => each !== orderId);
    return;
  }
  const coming = model.groups.find(({ members }) => members.includes(orderId))?.coming;
  const quantity = coming?.get(orderId);
  coming?.delete(orderId);
  if (command.type === 'hold') {
    const { order } = command;
    hold(model, quantity === undefined ? command : { ...command, order: { ...order, quantity } }, events);
  } else {
    admit(model, quantity === undefined ? command : { ...command, quantity }, events);
  }
}

function leave(model: Model, orderId: string): void {
  for (const group of model.groups) {
    group.members = group.members.filter((member) => member !== orderId);
    group.coming.delete(orderId);
  }
}

function enter(model: Model, { members, seats }: GroupOrders, events: EngineEvent[]): void {
  const orders = members.map((member) => (member.type === 'hold' ? member.order : member));
  const sides = members.flatMap((member) => (member.type === 'new' ? [member.side] : []));
  const unsized = orders.some(({ quantity, notional }) => quantity === null || notional !== null);
  if (new Set(sides).size < sides.length || unsized) {
    for (const { orderId } of orders) {
      events.push({ type: 'rejected', orderId, reason: 'invalid_instruction' });
    }
    return;
  }
  const group: ModelGroup = { members: [], coming: new Map() };
  for (const { orderId, quantity } of [...orders, ...seats]) {
    leave(model, orderId);
    group.members.push(orderId);
    if (orders.some((order) => order.orderId === orderId) || !isKnown(model, orderId)) {
      group.coming.set(orderId, quantity ?? 0n);
    }
  }
  model.groups.push(group);
  for (const member of members) {
    const from = events.length;
    enterOne(model, member, events);
    consequences(model, events, from);
  }
}

function consequences(model: Model, events: EngineEvent[], from: number): void {
  // What traded is known before anybody looks at the prices it made.
  for (const event of events.slice(from)) {
    if (event.type === 'trade') {
      shareOut(model, event.makerOrderId, event.makerRemaining, event.quantity, events);
      shareOut(model, event.takerOrderId, event.takerRemaining, event.quantity, events);
    }
  }
  for (let at = from; at < events.length; at += 1) {
    const event = events[at];
    if (event?.type === 'trade') {
      touch(model, event.price, events);
    } else if (event?.type === 'done') {
      endGroup(model, event.orderId, events);
      endParent(model, event.orderId, true, events);
    } else if (event?.type === 'cancelled' || event?.type === 'rejected') {
      leave(model, event.orderId);
      endParent(model, event.orderId, false, events);
    } else if (event?.type === 'reduced') {
      const parent = model.parents.find(({ orderId }) => orderId === event.orderId);
      if (parent !== undefined) {
        parent.quantity = parent.traded + event.remaining;
      }
    }
  }
}

function shareOut(
  model: Model,
  orderId: string,
  left: bigint | null,
  traded: bigint,
  events: EngineEvent[],
): void {
  for (const parent of model.parents.filter((each) => each.orderId === orderId)) {
    parent.traded += traded;
  }
  const group = model.groups.find(({ members }) => members.includes(orderId));
  if (group === undefined || left === null) {
    return;
  }
  if (left === 0n) {
    endGroup(model, orderId, events);
    return;
  }
  for (const member of group.members.filter((each) => each !== orderId)) {
    const resting = model.resting.find(({ order }) => order.orderId === member);
    const held = model.held.find(({ order }) => order.orderId === member);
    const open = group.coming.get(member) ?? resting?.left ?? held?.quantity;
    if (open === undefined || open === null) {
      continue;
    }
    const exact = (open * left + left + traded - 1n) / (left + traded);
    const share = least(open, ((exact + model.lot - 1n) / model.lot) * model.lot);
    if (share < open) {
      if (group.coming.has(member)) {
        group.coming.set(member, share);
      } else if (resting !== undefined) {
        resting.left = share;
      } else if (held !== undefined) {
        held.quantity = share;
      }
      events.push({ type: 'reduced', orderId: member, remaining: share });
    }
  }
}

function endGroup(model: Model, orderId: string, events: EngineEvent[]): void {
  const group = model.groups.find(({ members }) => members.includes(orderId));
  model.groups = model.groups.filter((each) => each !== group);
  for (const member of group?.members ?? []) {
    if (member !== orderId) {
      const open = group?.coming.get(member) ?? remove(model, member);
      if (group?.coming.delete(member)) {
        model.over.push(member);
      }
      if (open !== undefined) {
        events.push(cancelled(member, 'group', open));
      }
    }
  }
}

function endParent(model: Model, orderId: string, isFilled: boolean, events: EngineEvent[]): void {
  const parent = model.parents.find((each) => each.orderId === orderId);
  model.parents = model.parents.filter((each) => each !== parent);
  for (const child of model.waiting.filter((each) => each.parentId === orderId)) {
    model.waiting = model.waiting.filter((each) => each !== child);
    const whole = parent?.quantity ?? 0n;
    const share = whole === 0n ? 0n : (child.quantity * (parent?.traded ?? 0n)) / whole;
    const free = isFilled ? child.quantity : (share / model.lot) * model.lot;
    if (free === 0n) {
      events.push(cancelled(child.orderId, 'parent_ended', child.quantity));
    } else {
      if (free < child.quantity) {
        events.push({ type: 'reduced', orderId: child.orderId, remaining: free });
      }
      events.push({ type: 'released', orderId: child.orderId, quantity: free });
    }
  }
}

function touch(model: Model, price: bigint, events: EngineEvent[]): void {
  model.reference = price;
  for (const side of ['buy', 'sell'] as const) {
    const following = model.held.filter(
      ({ order, trigger, mark }) =>
        trigger.kind === 'trail' &&
        order.side === side &&
        mark !== null &&
        (side === 'sell' ? price > mark : price < mark),
    );
    for (const held of following) {
      held.mark = price;
    }
    if (following.length > 0) {
      const fromHeldSeq = following.map(({ heldSeq }) => heldSeq).reduce(least);
      events.push({ type: 'marked', side, fromHeldSeq, mark: price });
    }
  }
  while (!model.halted) {
    const [next] = model.held
      .filter((held) => isReached(held, price))
      .sort((left, right) => {
        const [mine, other] = [rises(left), rises(right)];
        if (mine !== other) {
          return mine ? -1 : 1;
        }
        const nearer = (mine ? 1 : -1) * compare(triggerOf(left), triggerOf(right));
        return nearer === 0 ? compare(left.order.bookSeq, right.order.bookSeq) : nearer;
      });
    if (next === undefined) {
      return;
    }
    model.held = model.held.filter((held) => held !== next);
    triggerOne(model, next.order.orderId, price, next.mark, events);
  }
}

function triggerOne(
  model: Model,
  orderId: string,
  price: bigint,
  mark: bigint | null,
  events: EngineEvent[],
): void {
  events.push({ type: 'triggered', orderId, price, mark });
  endGroup(model, orderId, events);
}

function rises({ order, trigger }: ModelHeld): boolean {
  return trigger.kind === 'at' ? trigger.direction === 'rises' : order.side === 'buy';
}

function isReached(held: ModelHeld, price: bigint): boolean {
  return rises(held) ? price >= triggerOf(held) : price <= triggerOf(held);
}

/** Takes an order out; what it had open, undefined where it is nowhere. */
function remove(model: Model, orderId: string): bigint | null | undefined {
  const resting = model.resting.find(({ order }) => order.orderId === orderId);
  const held = model.held.find(({ order }) => order.orderId === orderId);
  const waiting = model.waiting.find((each) => each.orderId === orderId);
  model.resting = model.resting.filter((each) => each !== resting);
  model.held = model.held.filter((each) => each !== held);
  model.waiting = model.waiting.filter((each) => each !== waiting);
  model.parents = model.parents.filter((parent) =>
    model.waiting.some(({ parentId }) => parentId === parent.orderId),
  );
  return resting?.left ?? (held === undefined ? waiting?.quantity : held.quantity);
}

function isKnown(model: Model, orderId: string): boolean {
  return (
    model.resting.some(({ order }) => order.orderId === orderId) ||
    model.held.some(({ order }) => order.orderId === orderId) ||
    model.waiting.some((each) => each.orderId === orderId)
  );
}

function isWithin(order: NewOrder, price: bigint): boolean {
  const worst = order.price ?? order.priceCap;
  return worst === null || (order.side === 'buy' ? price <= worst : price >= worst);
}
