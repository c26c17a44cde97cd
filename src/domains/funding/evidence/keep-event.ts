import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { seal } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { FUNDING_EVENTS } from '../audit.ts';
import { payloadPlace } from './event-payload.ts';
import { inboundEvents } from './schema.ts';

export type InboundEvent = typeof inboundEvents.$inferSelect;

type NewEvent = {
  readonly provider: string;
  readonly event: { readonly id: string; readonly type: string; readonly occurredAt: Instant };
  readonly body: Uint8Array;
  readonly depositId?: Id | undefined;
  readonly withdrawalId?: Id | undefined;
};

/** Keeps what a provider told, before anybody has looked at it. @effects one row of `inbound_events` */
export async function keepEvent(tx: Tx, ctx: Ctx, told: NewEvent): Promise<InboundEvent> {
  const { provider, event, body } = told;
  const id = newId();
  const [row] = await tx
    .insert(inboundEvents)
    .values({
      id,
      provider,
      eventId: event.id,
      type: event.type,
      payload: seal(ctx.deps.keyring.house, payloadPlace(id), body),
      state: 'kept',
      reason: 'unread',
      depositId: told.depositId ?? null,
      withdrawalId: told.withdrawalId ?? null,
      occurredAt: event.occurredAt,
      receivedAt: ctx.deps.clock.realNow(),
    })
    .returning();
  return present(row, 'the event was inserted');
}

/** Says what became of it. @effects the event's row; audit `payment_event.received` */
export async function settleEvent(
  tx: Tx,
  ctx: Ctx,
  before: InboundEvent,
  { state, reason }: Pick<InboundEvent, 'state' | 'reason'>,
): Promise<InboundEvent> {
  const [row] = await tx
    .update(inboundEvents)
    .set({ state, reason, settledAt: state === 'kept' ? null : ctx.deps.clock.now() })
    .where(eq(inboundEvents.id, before.id))
    .returning();
  const after = present(row, 'the event was inserted');
  await record(tx, ctx, {
    event: FUNDING_EVENTS['payment_event.received'],
    resource: { type: 'inbound_event', id: after.id },
    subjectUserId: null,
    after,
  });
  return after;
}
