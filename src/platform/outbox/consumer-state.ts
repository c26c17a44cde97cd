/**
 * What is stored of a consumer: how far it has read, and the events behind that point which are not
 * done. An event up to the position is either handled or in `outbox_retries`.
 */
import { and, asc, eq, gt, inArray, lte, sql } from 'drizzle-orm';
import type { Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Tx } from '../db/client.ts';
import { arrayParameter } from '../db/insert-rows.ts';
import { executePrepared } from '../db/prepared.ts';
import { outbox, outboxConsumers, outboxRetries } from '../db/schema.ts';
import type { DeliveredEvent } from './consumer.ts';

/** An event with what the relay needs beside it. */
export type QueuedEvent = {
  readonly event: DeliveredEvent;
  readonly orderingKey: string;
  readonly requestId: string;
};

export type Retry = QueuedEvent & { readonly attempts: number; readonly nextAttemptAt: Instant };

/** A failed or held back event as it is stored. */
export type Setback = {
  readonly position: bigint;
  readonly orderingKey: string;
  readonly attempts: number;
  readonly lastError: string;
  readonly nextAttemptAt: Instant;
};

/** Events nobody owns are ordered among themselves. */
const NOBODY = 'house';

/** Where the consumer stands; a new one begins with the first event ever. */
export async function readPosition(tx: Tx, consumer: string): Promise<bigint> {
  const [row] = await tx.select().from(outboxConsumers).where(eq(outboxConsumers.name, consumer));
  return row?.position ?? 0n;
}

/** @effects a row of `outbox_consumers` for each */
export async function writePositions(tx: Tx, consumers: readonly string[], position: bigint): Promise<void> {
  await executePrepared(
    tx,
    sql`insert into outbox_consumers (name, position)
      select name, ${position.toString()}::bigint
      from unnest(${sql.param(arrayParameter('text', consumers))}::text[]) as one (name)
      on conflict (name) do update set position = excluded.position`,
  );
}

/** The consumer's next events, in order. */
export async function readEvents(
  tx: Tx,
  types: readonly string[],
  after: bigint,
  upTo: bigint,
  limit: number,
): Promise<readonly QueuedEvent[]> {
  const rows = await tx
    .select()
    .from(outbox)
    .where(and(gt(outbox.position, after), lte(outbox.position, upTo), inArray(outbox.type, [...types])))
    .orderBy(asc(outbox.position))
    .limit(limit);
  return rows.map(queued);
}

/** The ordering keys that wait behind a failed event. */
export async function readBlockedKeys(tx: Tx, consumer: string): Promise<Set<string>> {
  const rows = await tx
    .selectDistinct({ key: outboxRetries.orderingKey })
    .from(outboxRetries)
    .where(eq(outboxRetries.consumer, consumer));
  return new Set(rows.map((row) => row.key));
}

/** The first waiting event of each key whose time has come, parked ones left out. */
export async function readDueRetries(
  tx: Tx,
  consumer: string,
  now: Instant,
  maxAttempts: number,
  limit: number,
): Promise<readonly Retry[]> {
  const heads = tx
    .selectDistinctOn([outboxRetries.orderingKey])
    .from(outboxRetries)
    .where(eq(outboxRetries.consumer, consumer))
    .orderBy(outboxRetries.orderingKey, outboxRetries.position)
    .as('heads');
  const rows = await tx
    .select({ event: outbox, attempts: heads.attempts, nextAttemptAt: heads.nextAttemptAt })
    .from(heads)
    .innerJoin(outbox, eq(outbox.position, heads.position))
    .where(and(lte(heads.nextAttemptAt, now), sql`${heads.attempts} < ${maxAttempts}`))
    .limit(limit);
  return rows.map((row) => ({
    ...queued(row.event),
    attempts: row.attempts,
    nextAttemptAt: row.nextAttemptAt,
  }));
}

/** @effects rows of `outbox_retries` */
export async function writeSetbacks(tx: Tx, consumer: string, setbacks: readonly Setback[]): Promise<void> {
  if (setbacks.length > 0) {
    await tx
      .insert(outboxRetries)
      .values(setbacks.map((setback) => ({ consumer, ...setback })))
      .onConflictDoUpdate({
        target: [outboxRetries.consumer, outboxRetries.position],
        set: {
          attempts: sql`excluded.attempts`,
          lastError: sql`excluded.last_error`,
          nextAttemptAt: sql`excluded.next_attempt_at`,
        },
      });
  }
}

/**
 * Forgets a retry that went through.
 * @effects deletes one row of `outbox_retries`
 * @shape whether more events of the key wait
 */
export async function settleRetry(tx: Tx, consumer: string, retry: Retry): Promise<boolean> {
  const ofConsumer = eq(outboxRetries.consumer, consumer);
  await tx.delete(outboxRetries).where(and(ofConsumer, eq(outboxRetries.position, retry.event.position)));
  const [next] = await tx
    .select({ position: outboxRetries.position })
    .from(outboxRetries)
    .where(and(ofConsumer, eq(outboxRetries.orderingKey, retry.orderingKey)))
    .limit(1);
  return next !== undefined;
}

function queued(row: typeof outbox.$inferSelect): QueuedEvent {
  return {
    event: {
      id: row.id as Id,
      position: row.position ?? 0n,
      type: row.type,
      userId: row.userId as Id | null,
      accountId: row.accountId as Id | null,
      data: row.data as { readonly [key: string]: Json },
      occurredAt: row.occurredAt,
    },
    orderingKey: row.accountId ?? row.userId ?? NOBODY,
    requestId: row.requestId,
  };
}
