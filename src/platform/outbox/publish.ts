import type { SQL } from 'drizzle-orm';
import type { Json } from '../../kernel/canonical-json.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Ctx } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { insertionOf } from '../db/insert-rows.ts';
import { executePrepared } from '../db/prepared.ts';
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
  const { requestId } = ctx;
  await publishMany(
    tx,
    ctx,
    events.map((event) => ({ ...event, requestId })),
  );
}

/** An event of a batch, which carries the work of many requests. */
export type BatchedEvent = NewEvent & { readonly requestId: string };

/**
 * The same for a batch: one statement, and each event names the request it is of.
 * @effects rows of `outbox`; wakes the relay after the commit
 */
export async function publishMany(tx: Tx, ctx: Ctx, events: readonly BatchedEvent[]): Promise<void> {
  if (events.length > 0) {
    await executePrepared(tx, eventInsertion(ctx, events));
    onCommit(tx, ctx.deps.wakeRelay);
  }
}

/** An event of many that share a row until they are placed; each is told to its owner. */
export type PackedEvent = {
  readonly id: Id;
  readonly type: string;
  readonly userId: Id;
  readonly accountId: Id;
  readonly requestId: string;
  /** As it goes over the wire. */
  readonly data: Json;
};

/** The type of a row that holds events instead of being one. Nobody reads it: the relay makes rows of it. */
export const PACKED = 'outbox.packed';

/**
 * Writes the events of a batch as one row, which the relay unpacks when it gives them their places: for transactions so
 * frequent that a row of each event is too dear. What somebody acts on goes `at_once`; else it waits for the relay's next look.
 * @effects one row of `outbox`; perhaps wakes the relay after the commit
 */
export async function publishPacked(
  tx: Tx,
  ctx: Ctx,
  events: readonly PackedEvent[],
  placed: 'at_once' | 'at_next_look',
): Promise<void> {
  if (events.length === 0) {
    return;
  }
  if (placed === 'at_once') {
    onCommit(tx, ctx.deps.wakeRelay);
  }
  const occurredAt = ctx.deps.clock.now();
  const packed = events.map(({ id, type, userId, accountId, requestId, data }) => [
    id,
    type,
    userId,
    accountId,
    requestId,
    data,
  ]);
  const row = {
    id: newId(),
    type: PACKED,
    userId: null,
    accountId: null,
    customerVisible: false,
    data: packed,
    requestId: ctx.requestId,
  };
  await executePrepared(tx, insertionOf(outbox, [row], { occurredAt }));
}

/** What writes the events of a batch, one at least; whoever commits it wakes the relay. */
export function eventInsertion(ctx: Ctx, events: readonly BatchedEvent[]): SQL {
  const rows = events.map(({ type, userId, accountId, customerVisible, data, requestId }) => ({
    id: newId(),
    type,
    userId,
    accountId: accountId ?? null,
    customerVisible,
    data: toWire(data) as Json,
    requestId,
  }));
  return insertionOf(outbox, rows, { occurredAt: ctx.deps.clock.now() });
}
