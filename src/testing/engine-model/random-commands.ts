import type { EngineCommand, HoldOrder, NewOrder, Trigger } from '../../domains/trading/engine/command.ts';
import { ONE } from '../../kernel/amount.ts';
import { type Random, randomFrom } from '../random.ts';
import { LOT } from './compare.ts';

const TIMES_IN_FORCE = ['day', 'gtc', 'gtc', 'gtd', 'ioc', 'fok'] as const;

/** A log that meets every rule: crossing prices, few people, replays, late sequences, halts, triggers. */
export function randomCommands(seed: number, length: number, spread = 6): EngineCommand[] {
  const random = randomFrom(seed);
  const commands: EngineCommand[] = [];
  const later: { readonly at: number; readonly command: EngineCommand }[] = [];
  for (let step = 0; step < length; step += 1) {
    commands.push(...later.filter(({ at }) => at === step).map(({ command }) => command));
    const replacement = random.below(25) === 0 ? randomReplacement(random, commands, step, spread) : null;
    if (replacement === null) {
      commands.push(randomCommand(random, commands, step, spread));
    } else {
      commands.push(...replacement.now);
      // What was asked for in between is carried out first.
      later.push({ at: step + 1 + random.below(4), command: replacement.enters });
    }
  }
  return commands;
}

/** One of a group makes room for another, which enters behind what waited before it. */
function randomReplacement(random: Random, before: readonly EngineCommand[], step: number, spread: number) {
  const groups = before.filter((command) => command.type === 'group');
  const group = groups.length === 0 ? undefined : random.pick(groups);
  if (group === undefined || group.members.length < 2) {
    return null;
  }
  const old = random.pick(group.members);
  const idOf = (member: NewOrder | HoldOrder) =>
    member.type === 'hold' ? member.order.orderId : member.orderId;
  const order: NewOrder = {
    ...(old.type === 'hold' ? old.order : old),
    orderId: `o${step}r`,
    bookSeq: 40_000n + BigInt(step * 8 + 6),
    price: randomPrice(random, spread),
  };
  const enters: EngineCommand =
    old.type === 'hold' ? { type: 'hold', order, trigger: randomTrigger(random, spread) } : order;
  const others = group.members.filter((member) => member !== old);
  const seats = [...others.map(idOf), order.orderId].map((orderId) => ({
    orderId,
    quantity: order.quantity ?? LOT,
  }));
  const now: EngineCommand[] = [
    { type: 'cancel', orderId: idOf(old), reason: 'requested' },
    { type: 'group', groupId: group.groupId, members: [], seats },
  ];
  return { now, enters };
}

function randomCommand(
  random: Random,
  before: readonly EngineCommand[],
  step: number,
  spread: number,
): EngineCommand {
  const dice = random.below(100);
  if (dice < 15) {
    return { type: 'cancel', orderId: `o${random.below(step + 2)}`, reason: 'requested' };
  }
  if (dice < 20) {
    return { type: random.below(5) < 2 ? 'halt' : 'resume' };
  }
  if (dice < 30) {
    return { type: 'mark', price: randomPrice(random, spread + 6) };
  }
  if (dice < 50) {
    return randomHold(random, `o${step}`, step, spread);
  }
  if (dice < 56) {
    return randomGroup(random, step, spread);
  }
  if (dice < 60) {
    const parentQuantity = BigInt(1 + random.below(8)) * LOT;
    const quantity = BigInt(1 + random.below(8)) * LOT;
    // A parent that comes next, or one that came long ago and may have ended.
    const parentId = `o${step + 1 - random.below(4)}`;
    return { type: 'wait', orderId: `w${step}`, quantity, parentId, parentQuantity, parentTraded: 0n };
  }
  const replayed = random.below(30) === 0 ? before[random.below(step + 1)] : undefined;
  return replayed?.type === 'new' ? replayed : randomOrder(random, `o${step}`, step, spread);
}

function randomHold(random: Random, orderId: string, step: number, spread: number): HoldOrder {
  return {
    type: 'hold',
    order: { ...randomOrder(random, orderId, step, spread), postOnly: false },
    trigger: randomTrigger(random, spread),
  };
}

function randomTrigger(random: Random, spread: number): Trigger {
  const dice = random.below(4);
  if (dice < 2) {
    const direction = random.pick(['rises', 'falls'] as const);
    return { kind: 'at', direction, price: randomPrice(random, spread + 6) };
  }
  return dice === 2
    ? { kind: 'trail', amount: BigInt(1 + random.below(4)) * ONE, percentMicro: null, standing: null }
    : { kind: 'trail', amount: null, percentMicro: BigInt(1 + random.below(9)) * 100_000n, standing: null };
}

/** Members of one person, as the pipeline makes them; now and then two that may not be together. */
function randomGroup(random: Random, step: number, spread: number): EngineCommand {
  const sized = (order: NewOrder): NewOrder => ({
    ...order,
    orderType: 'limit',
    timeInForce: 'gtc',
    price: order.price ?? randomPrice(random, spread),
    quantity: BigInt(1 + random.below(8)) * LOT,
    notional: null,
    priceCap: null,
    postOnly: false,
  });
  const members = ['a', 'b', 'c'].slice(0, 2 + random.below(2)).map((name, place) => {
    const orderId = `o${step}${name}`;
    const hold = randomHold(random, orderId, step, spread);
    const order = {
      ...sized(hold.order),
      personId: 'p1',
      accountId: 'p1/0',
      bookSeq: 40_000n + BigInt(step * 8 + place),
    };
    return place > 0 || random.below(3) === 0 ? { ...hold, order } : order;
  });
  const isFaulty = random.below(12) === 0;
  const first = members[0];
  return {
    type: 'group',
    groupId: `g${step}`,
    members:
      isFaulty && first?.type === 'new'
        ? [first, { ...first, orderId: `o${step}d`, bookSeq: first.bookSeq + 7n }]
        : members,
    seats: [],
  };
}

function randomOrder(random: Random, orderId: string, step: number, spread: number): NewOrder {
  const isMarket = random.below(4) === 0;
  const byNotional = random.below(isMarket ? 2 : 100) === 0;
  // As a sale does that reserves its units; a limit order that names a notional is refused either way.
  const isBounded = byNotional && random.below(2) === 0;
  const price = randomPrice(random, spread);
  const isLate = random.below(10) === 0;
  const person = `p${random.below(5)}`;
  return {
    type: 'new',
    orderId,
    accountId: `${person}/${random.below(2)}`,
    personId: person,
    side: random.below(2) === 0 ? 'buy' : 'sell',
    orderType: isMarket ? 'market' : 'limit',
    timeInForce: random.pick(TIMES_IN_FORCE),
    price: isMarket ? null : price,
    quantity: byNotional && !isBounded ? null : BigInt(1 + random.below(8)) * LOT,
    notional: byNotional ? BigInt(100 + random.below(3_000)) * ONE : null,
    priceCap: isMarket && random.below(2) === 0 ? price : null,
    postOnly: random.below(12) === 0,
    bookSeq: BigInt(step) * 2n + (isLate ? 1n : 8n),
  };
}

function randomPrice(random: Random, spread: number): bigint {
  return BigInt(500 - Math.floor(spread / 2) + random.below(spread)) * ONE;
}
