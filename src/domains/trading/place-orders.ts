import type { z } from '@hono/zod-openapi';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { DomainError } from '../../kernel/error.ts';
import { attempt } from '../../platform/audit/attempt.ts';
import type { Ctx } from '../../platform/context.ts';
import { requestHash } from '../../platform/http/idempotency.ts';
import { refusalOf } from '../../platform/http/problem.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { validate } from '../../platform/http/validate.ts';
import { NewOrder as WireOrder } from './api.ts';
import { refuseTrading } from './errors.ts';
import { boundOrderOf } from './instruction-of.ts';
import { type BoundOrder, boundHashOf, exitsOf, pairFault } from './order-groups.ts';
import { nameOf } from './pipeline/settle-lane.ts';
import type { Companion, Placed, Ticket } from './pipeline/ticket.ts';
import { tradingEngine } from './pipeline/trading-engine.ts';

/** What became of one member of a batch: an order, accepted or rejected by a rule, or a refusal that stored nothing. */
export type MemberResult = { readonly placed: Placed } | { readonly refusal: DomainError };

/**
 * Places orders one behind the other, each decided on its own: what is wrong with one keeps no other from being placed.
 * The key lies on every order with its place in the batch; a retry answers the stored orders as they were first answered
 * and decides again only what stored nothing. The key with another batch places nothing. While it is open what became of
 * one, no member has an answer: the batch is refused as that one was, to be sent again.
 * @effects as `placeOrder`, for each; one refused attempt in the audit log for each code that members were refused with
 * @errors busy, unavailable, conflict, idempotency_key_reused; of members: validation_failed, order_group_invalid, not_found, client_order_id_reused,
 *   unknown_symbol
 * @shape in the order of the members
 */
export async function placeOrders(ctx: Ctx, members: readonly unknown[]): Promise<readonly MemberResult[]> {
  const orders = members.map(readMember);
  const batchHash = hexOf(requestHash(orders.map((order, index) => asked(order, members[index]))));
  const read = inPairs(ofOneAccount(orders));
  const tickets = read.flatMap((member, index) =>
    member instanceof DomainError || member.place !== 'own' ? [] : [ticketOf(ctx, member, index, batchHash)],
  );
  const settled = await tradingEngine(ctx.deps).submitMany(tickets);
  const outcomes = new Map(tickets.map(({ idempotencyIndex }, place) => [idempotencyIndex, settled[place]]));
  const results = read.map((member, index): MemberResult => {
    if (member instanceof DomainError) {
      return { refusal: member };
    }
    const asking = member.place === 'own' ? index : member.place;
    const outcome = present(outcomes.get(asking), 'every ticket has its outcome');
    return outcome.status === 'fulfilled'
      ? { placed: placedOf(outcome.value, index === asking ? null : index) }
      : { refusal: refusalOfMember(ctx, outcome.reason) };
  });
  const refusals = results.flatMap((result) => ('refusal' in result ? [result.refusal] : []));
  const ofAll = refusals.find(({ code }) => code === 'idempotency_key_reused') ?? refusals.find(isUndecided);
  if (ofAll !== undefined) {
    throw ofAll;
  }
  await recordRefusals(ctx, refusals);
  return results;
}

/** What a member asks for, in one spelling where it can be read. */
function asked(order: BoundOrder | DomainError, member: unknown): string {
  return order instanceof DomainError ? JSON.stringify(member) : hexOf(boundHashOf(order));
}

function hexOf(hash: Uint8Array): string {
  return Buffer.from(hash).toString('hex');
}

function ticketOf(ctx: Ctx, member: Member, index: number, batchHash: string): Ticket {
  return {
    ctx,
    userId: present(personOf(ctx.actor), 'an order is placed by a person'),
    order: member.bound.order,
    requestHash: boundHashOf(member.bound),
    idempotencyKey: present(ctx.idempotencyKey, 'the operation requires a key'),
    idempotencyIndex: index,
    batchHash,
    replaces: null,
    companions: member.other === null ? exitsOf(member.bound) : [pairedWith(member.other)],
  };
}

function pairedWith({ bound, index }: Other): Companion {
  return { role: 'oco', order: bound.order, requestHash: boundHashOf(bound), idempotencyIndex: index };
}

/** What one member of a pair is answered, which was placed with the other's ticket. */
function placedOf(placed: Placed, index: number | null): Placed {
  const { order, bound, replayed } = placed;
  const own = index === null ? undefined : bound.find(({ idempotencyIndex }) => idempotencyIndex === index);
  return own === undefined ? placed : { order: own, bound: [order], replayed };
}

/** A key belongs to one account: members of others than the first are refused. */
function ofOneAccount(read: readonly (BoundOrder | DomainError)[]): readonly (BoundOrder | DomainError)[] {
  const first = read.find((member) => !(member instanceof DomainError)) as BoundOrder | undefined;
  return read.map((member, index) =>
    member instanceof DomainError || member.order.accountId === first?.order.accountId
      ? member
      : misfit(index, 'accountId', 'must be the account of the whole batch'),
  );
}

type Other = { readonly bound: BoundOrder; readonly index: number };

/** A member that can be placed: with a ticket of its own, or with that of the member it is paired with. */
type Member = {
  readonly bound: BoundOrder;
  /** The second of its pair, where it is the first. */
  readonly other: Other | null;
  readonly place: 'own' | number;
};

/** Two members that name the same pair are placed as one; where they are not two, or do not go together, neither is. */
function inPairs(read: readonly (BoundOrder | DomainError)[]): readonly (Member | DomainError)[] {
  const named = Map.groupBy(
    read.flatMap((bound, index): Other[] => (bound instanceof DomainError ? [] : [{ bound, index }])),
    ({ bound }) => bound.bonds.ocoGroup,
  );
  return read.map((bound, index) => {
    if (bound instanceof DomainError || bound.bonds.ocoGroup === undefined) {
      return bound instanceof DomainError ? bound : { bound, other: null, place: 'own' };
    }
    const [first, second, ...more] = named.get(bound.bonds.ocoGroup) ?? [];
    if (first === undefined || second === undefined || more.length > 0) {
      return noPair(index, 'names a pair: exactly two orders of the batch that can be placed');
    }
    const fault = pairFault(first.bound.order, second.bound.order);
    if (fault !== null) {
      return noPair(index, fault);
    }
    return first.index === index
      ? { bound, other: second, place: 'own' }
      : { bound, other: null, place: first.index };
  });
}

function noPair(index: number, detail: string): DomainError {
  const errors = [{ pointer: `/orders/${index}/ocoGroup`, code: 'custom', detail }];
  return refuseTrading('order_group_invalid', { errors });
}

function misfit(index: number, member: string, detail: string): DomainError {
  return refuse('validation_failed', {
    detail: 'The order does not fit its schema.',
    errors: [{ pointer: `/orders/${index}/${member}`, code: 'custom', detail }],
  });
}

function refusalOfMember(ctx: Ctx, reason: unknown): DomainError {
  const refusal = refusalOf(reason);
  if (refusal.definition.status === 500) {
    ctx.deps.log.error({ failure: nameOf(reason), requestId: ctx.requestId }, 'an order of a batch failed');
  }
  return refusal;
}

/** A member by itself, with pointers into the batch. */
function readMember(member: unknown, index: number): BoundOrder | DomainError {
  try {
    return boundOrderOf(validate(WireOrder, member, 'body') as z.output<typeof WireOrder>);
  } catch (error) {
    if (!(error instanceof DomainError)) {
      throw error;
    }
    const errors = (error.extras.errors ?? []).map((fault) => ({
      ...fault,
      pointer: `/orders/${index}${fault.pointer}`,
    }));
    return new DomainError(error.code, error.definition, {
      detail: 'The order does not fit its schema.',
      errors,
    });
  }
}

/**
 * Whether nobody can say what became of a member. As an answer in its place it would read as final, and a
 * client would never ask again for what a retry places, or finds placed.
 */
function isUndecided({ code, definition }: DomainError): boolean {
  return definition.status >= 500 || code === 'conflict';
}

/** The batch is answered, so the pipeline sees no refusal: members' are recorded here (I5). */
async function recordRefusals(ctx: Ctx, refusals: readonly DomainError[]): Promise<void> {
  const byCode = new Map(refusals.map((refusal) => [refusal.code, refusal]));
  for (const { code, definition } of byCode.values()) {
    await attempt(ctx, {
      operation: 'placeOrders',
      method: 'POST',
      route: '/v1/orders/batch',
      status: definition.status,
      code,
      category: 'trading',
      restricted: false,
    });
  }
}
