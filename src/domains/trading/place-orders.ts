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
import { instructionOf } from './instruction-of.ts';
import { nameOf } from './pipeline/settle-lane.ts';
import type { NewOrder, Placed, Ticket } from './pipeline/ticket.ts';
import { tradingEngine } from './pipeline/trading-engine.ts';
import { hashOf } from './place-order.ts';

/** What became of one member of a batch: an order, accepted or rejected by a rule, or a refusal that stored nothing. */
export type MemberResult = { readonly placed: Placed } | { readonly refusal: DomainError };

/**
 * Places orders one behind the other, each decided on its own: what is wrong with one keeps no other from being placed.
 * The key lies on every order with its place in the batch; a retry answers the stored orders as they were first answered
 * and decides again only what stored nothing. The key with another batch places nothing.
 * @effects as `placeOrder`, for each; one refused attempt in the audit log for each code that members were refused with
 * @errors busy, idempotency_key_reused; of members: validation_failed, not_found, client_order_id_reused, unknown_symbol
 * @shape in the order of the members
 */
export async function placeOrders(ctx: Ctx, members: readonly unknown[]): Promise<readonly MemberResult[]> {
  const orders = members.map(readMember);
  const batchHash = hexOf(requestHash(orders.map((order, index) => asked(order, members[index]))));
  const read = ofOneAccount(
    orders.map((order, index) =>
      order instanceof DomainError ? order : ticketOf(ctx, order, index, batchHash),
    ),
  );
  const tickets = read.flatMap((ticket) => (ticket instanceof DomainError ? [] : [ticket]));
  const settled = (await tradingEngine(ctx.deps).submitMany(tickets)).values();
  const results = read.map((ticket): MemberResult => {
    if (ticket instanceof DomainError) {
      return { refusal: ticket };
    }
    const outcome = present(settled.next().value, 'every ticket has its outcome');
    return outcome.status === 'fulfilled'
      ? { placed: outcome.value }
      : { refusal: refusalOfMember(ctx, outcome.reason) };
  });
  const refusals = results.flatMap((result) => ('refusal' in result ? [result.refusal] : []));
  const reused = refusals.find(({ code }) => code === 'idempotency_key_reused');
  if (reused !== undefined) {
    throw reused;
  }
  await recordRefusals(ctx, refusals);
  return results;
}

/** What a member asks for, in one spelling where it can be read. */
function asked(order: NewOrder | DomainError, member: unknown): string {
  return order instanceof DomainError ? JSON.stringify(member) : hexOf(hashOf(order));
}

function hexOf(hash: Uint8Array): string {
  return Buffer.from(hash).toString('hex');
}

function ticketOf(ctx: Ctx, order: NewOrder, index: number, batchHash: string): Ticket {
  return {
    ctx,
    userId: present(personOf(ctx.actor), 'an order is placed by a person'),
    order,
    requestHash: hashOf(order),
    idempotencyKey: present(ctx.idempotencyKey, 'the operation requires a key'),
    idempotencyIndex: index,
    batchHash,
    replaces: null,
  };
}

/** A key belongs to one account: members of others than the first are refused. */
function ofOneAccount(read: readonly (Ticket | DomainError)[]): readonly (Ticket | DomainError)[] {
  const first = read.find((ticket) => !(ticket instanceof DomainError)) as Ticket | undefined;
  return read.map((ticket, index) => {
    if (ticket instanceof DomainError || ticket.order.accountId === first?.order.accountId) {
      return ticket;
    }
    const detail = 'must be the account of the whole batch';
    return refuse('validation_failed', {
      detail: 'The order does not fit its schema.',
      errors: [{ pointer: `/orders/${index}/accountId`, code: 'custom', detail }],
    });
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
function readMember(member: unknown, index: number): NewOrder | DomainError {
  try {
    return instructionOf(validate(WireOrder, member, 'body') as z.output<typeof WireOrder>);
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
