import type { Json } from '../../kernel/canonical-json.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Ctx } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { outbox } from '../db/schema.ts';
import { onCommit } from '../db/transact.ts';
import { toWire } from '../http/wire.ts';

/** A domain event as written with the change; `data` holds no personal data and no AML matter. */
export type NewEvent = {
  readonly type: string;
  readonly userId: Id | null;
  readonly accountId?: Id | null;
  /** Whether the customer may read it in their event feed. */
  readonly customerVisible: boolean;
  readonly data: object;
};

/**
 * Writes domain events in the transaction of the change that they tell.
 * @effects rows of `outbox`; wakes the relay after the commit
 */
export async function publish(tx: Tx, ctx: Ctx, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) {
    return;
  }
  const occurredAt = ctx.deps.clock.now();
  await tx.insert(outbox).values(
    events.map((event) => ({
      id: newId(),
      type: event.type,
      userId: event.userId,
      accountId: event.accountId ?? null,
      customerVisible: event.customerVisible,
      data: toWire(event.data) as Json,
      requestId: ctx.requestId,
      occurredAt,
    })),
  );
  onCommit(tx, ctx.deps.wakeRelay);
}
