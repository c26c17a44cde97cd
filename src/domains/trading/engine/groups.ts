/**
 * Orders that depend on others. Of a group (one cancels the other) only as much trades as one of its
 * members asks for: a trade of one takes the same share off the others, the end of one ends them. An
 * order that waits is set free when its parent ends, for the share of the parent that traded. Only
 * state and arithmetic: who is open and what is told stands in `order-book.ts`.
 */
import { divideRounded } from '../../../kernel/rounding.ts';
import type { GroupOrders, WaitOrder } from './command.ts';

export type Group = {
  readonly groupId: string;
  /** Members that have not ended, in the order they entered. */
  readonly members: Set<string>;
  /** What is open of members that have not entered yet. */
  readonly coming: Map<string, bigint>;
};

export type Waiting = { readonly orderId: string; readonly parentId: string; quantity: bigint };

type Parent = { readonly children: Set<string>; quantity: bigint | null; traded: bigint };

export type Dependants = {
  readonly groupOf: Map<string, Group>;
  /** Members that ended before they entered: their own command, which is still to come, does nothing. */
  readonly over: Set<string>;
  readonly waiting: Map<string, Waiting>;
  readonly parents: Map<string, Parent>;
};

/** Nobody depends on anybody. */
export function createDependants(): Dependants {
  return { groupOf: new Map(), over: new Set(), waiting: new Map(), parents: new Map() };
}

/** True when what happens to orders may concern others. */
export function hasDependants({ groupOf, parents }: Dependants): boolean {
  return groupOf.size > 0 || parents.size > 0;
}

/**
 * Begins a group, in place of any that its orders belonged to. They have yet to enter, unless they stand in the book.
 * @units stands: whether an order is in the book in any way
 */
export function openGroup(
  dependants: Dependants,
  { groupId, members, seats }: GroupOrders,
  stands: (orderId: string) => boolean,
): Group {
  const group: Group = { groupId, members: new Set(), coming: new Map() };
  const entering = members.map((member) => (member.type === 'hold' ? member.order : member));
  for (const { orderId } of [...entering, ...seats]) {
    leaveGroup(dependants, orderId);
    group.members.add(orderId);
    dependants.groupOf.set(orderId, group);
  }
  for (const { orderId, quantity } of entering) {
    group.coming.set(orderId, quantity ?? 0n);
  }
  for (const { orderId, quantity } of seats) {
    if (!stands(orderId)) {
      group.coming.set(orderId, quantity);
    }
  }
  return group;
}

/**
 * What is open of an order that enters now, where it has a seat in a group; the last one of its group is an order like
 * any other.
 */
export function takeSeat(dependants: Dependants, orderId: string): bigint | undefined {
  const group = dependants.groupOf.get(orderId);
  const open = group?.coming.get(orderId);
  group?.coming.delete(orderId);
  if (group !== undefined && open !== undefined && group.members.size === 1) {
    dependants.groupOf.delete(orderId);
  }
  return open;
}

/** Takes a member out of its group; the last one left is an order like any other. */
export function leaveGroup(dependants: Dependants, orderId: string): void {
  const group = dependants.groupOf.get(orderId);
  if (group !== undefined) {
    dependants.groupOf.delete(orderId);
    group.members.delete(orderId);
    group.coming.delete(orderId);
    const [last] = group.members;
    if (group.members.size === 1 && last !== undefined && group.coming.size === 0) {
      dependants.groupOf.delete(last);
    }
  }
}

/** Ends the group of a member. @shape the other members, which end with it */
export function dissolveGroup(dependants: Dependants, orderId: string): readonly string[] {
  const group = dependants.groupOf.get(orderId);
  if (group === undefined) {
    return [];
  }
  for (const member of group.members) {
    dependants.groupOf.delete(member);
  }
  return [...group.members].filter((member) => member !== orderId);
}

/**
 * What stays open of an order when another of its group has traded.
 * @units whole lots, rounded up, so that what is asked for is never cut short by rounding
 */
export function shareLeft(open: bigint, left: bigint, before: bigint, lotSize: bigint): bigint {
  const share = divideRounded(divideRounded(open * left, before, 'up'), lotSize, 'up') * lotSize;
  return share < open ? share : open;
}

/** Lets an order wait for its parent. */
export function addWaiting(dependants: Dependants, command: WaitOrder): void {
  const { orderId, parentId, quantity } = command;
  const parent = dependants.parents.get(parentId) ?? {
    children: new Set<string>(),
    quantity: command.parentQuantity,
    traded: command.parentTraded,
  };
  parent.children.add(orderId);
  dependants.parents.set(parentId, parent);
  dependants.waiting.set(orderId, { orderId, parentId, quantity });
}

/** Takes an order that waits out. */
export function removeWaiting(dependants: Dependants, { orderId, parentId }: Waiting): void {
  dependants.waiting.delete(orderId);
  const parent = dependants.parents.get(parentId);
  parent?.children.delete(orderId);
  if (parent?.children.size === 0) {
    dependants.parents.delete(parentId);
  }
}

/** Keeps what a parent traded, or that less of it will. */
export function countParent(
  dependants: Dependants,
  orderId: string,
  change: { readonly traded?: bigint; readonly open?: bigint },
): void {
  const parent = dependants.parents.get(orderId);
  if (parent !== undefined) {
    parent.traded += change.traded ?? 0n;
    if (change.open !== undefined) {
      parent.quantity = parent.traded + change.open;
    }
  }
}

/**
 * Ends a parent. @shape those who waited for it, each with what is set free of it: all when the parent
 * is filled, else the share of it that traded, in whole lots rounded down
 */
export function endParent(
  dependants: Dependants,
  orderId: string,
  isFilled: boolean,
  lotSize: bigint,
): readonly { readonly waiting: Waiting; readonly free: bigint }[] {
  const parent = dependants.parents.get(orderId);
  if (parent === undefined) {
    return [];
  }
  const { quantity, traded, children } = parent;
  return [...children].flatMap((child) => {
    const waiting = dependants.waiting.get(child);
    if (waiting === undefined) {
      return [];
    }
    removeWaiting(dependants, waiting);
    const share = quantity === null || quantity === 0n ? 0n : (waiting.quantity * traded) / quantity;
    return [{ waiting, free: isFilled ? waiting.quantity : share - (share % lotSize) }];
  });
}
