import { and, eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import type { PageRequest } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import type { InboundEvent } from './evidence/keep-event.ts';
import { inboundEvents } from './evidence/schema.ts';
import { DISPUTED, OUT_OF_ORDER } from './follow-payment.ts';
import { matching, newestFirst, type Period, within } from './newest-first.ts';
import { refuseOwnPayout } from './refuse-own-evidence.ts';
import { depositMayBecome } from './rules.ts';
import { deposits } from './schema.ts';

export type InboundEventQuery = PageRequest &
  Period & {
    readonly state?: InboundEvent['state'] | undefined;
    readonly provider?: string | undefined;
    readonly depositId?: Id | undefined;
    readonly withdrawalId?: Id | undefined;
  };

/** Events of payment providers, newest first. @errors invalid_cursor */
export async function listInboundEvents(ctx: Ctx, query: InboundEventQuery): Promise<Page<InboundEvent>> {
  const { limit, cursor, ...filters } = query;
  const listing = { name: 'inbound events', id: inboundEvents.id, filters };
  return newestFirst(ctx, { limit, cursor }, listing, (tx, behind, order, count) =>
    tx
      .select()
      .from(inboundEvents)
      .where(
        and(
          matching(inboundEvents.state, filters.state),
          matching(inboundEvents.provider, filters.provider),
          matching(inboundEvents.depositId, filters.depositId),
          matching(inboundEvents.withdrawalId, filters.withdrawalId),
          within(inboundEvents.receivedAt, filters),
          behind,
        ),
      )
      .orderBy(order)
      .limit(count),
  );
}

/**
 * Ends the work on an event that was kept. Nothing moves by it: whatever the event asks for is done through
 * the deposit's own operations, which another person approves. What waits for an earlier event of its payment is
 * not ended while that may come.
 * @effects the event's row; audit `payment_event.closed`
 * @errors not_found, self_action, event_not_kept
 */
export async function closeInboundEvent(
  ctx: Ctx,
  input: { readonly id: Id; readonly reason: string },
): Promise<InboundEvent> {
  return transact(ctx, 'engine', async (tx) => {
    const before = await lockRow(tx, inboundEvents, input.id);
    if (before === undefined) {
      throw refuse('not_found');
    }
    const deposit = await depositOf(tx, before);
    if (deposit !== undefined) {
      refuseSelfAction(ctx, deposit.userId);
    }
    await refuseOwnPayout(tx, ctx, before.withdrawalId);
    if (before.state !== 'kept') {
      throw refuseFunding('event_not_kept');
    }
    if (before.reason === DISPUTED) {
      throw refuseFunding('event_not_kept', {
        detail: 'It opened a dispute, which its provider or two people end.',
      });
    }
    // Forgotten, its money would be credited as if it had not gone back.
    if (
      before.reason === OUT_OF_ORDER &&
      deposit !== undefined &&
      depositMayBecome(deposit.status, 'cleared')
    ) {
      throw refuseFunding('event_not_kept', {
        detail: 'It waits for its payment until the deposit has failed.',
      });
    }
    const [row] = await tx
      .update(inboundEvents)
      .set({ state: 'ignored', reason: 'closed_by_person', settledAt: ctx.deps.clock.now() })
      .where(eq(inboundEvents.id, before.id))
      .returning();
    const after = present(row, 'the event was locked');
    await record(tx, ctx, {
      event: FUNDING_EVENTS['payment_event.closed'],
      resource: { type: 'inbound_event', id: after.id },
      subjectUserId: null,
      before,
      after: { ...after, note: input.reason },
    });
    return after;
  });
}

/** The deposit an event is about; whose it is ends no work on it. */
async function depositOf(tx: Tx, { depositId }: InboundEvent) {
  if (depositId === null) {
    return undefined;
  }
  const { userId, status } = deposits;
  const [deposit] = await tx.select({ userId, status }).from(deposits).where(eq(deposits.id, depositId));
  return deposit;
}
