import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { type LockWish, lockExclusive, lockShared } from '../../../platform/db/locks.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { together } from '../../../platform/db/transact.ts';

/** What is stopped: nothing trades while the platform is, else what does not trade is named. */
export type Tripped = { readonly platform: boolean; readonly instrumentIds: ReadonlySet<Id> };

/** Tells every engine that a breaker was tripped or lifted. */
export const BREAKERS_CHANNEL = 'plimsoll_breakers';

const LOCK = 'circuit-breakers';

/** What keeps breakers from being tripped by hand until the transaction ends. */
export const BREAKER_LOCKS: LockWish = { names: [LOCK], hold: 'shared' };

/**
 * The breakers as they stand, which nobody trips by hand until the transaction ends: whoever was told that
 * a breaker is tripped knows that no order is accepted and no trade settled after it.
 */
export async function holdBreakers(tx: Tx): Promise<Tripped> {
  // In this order: what is read holds until the lock is let go.
  const [, tripped] = await together(lockShared(tx, [LOCK]), readTripped(tx));
  return tripped;
}

/** The breakers as they stand. */
export async function readTripped(tx: Tx): Promise<Tripped> {
  const rows = await executePrepared<{ instrument_id: Id | null }>(
    tx,
    sql`select instrument_id from circuit_breakers where lifted_at is null`,
  );
  return {
    platform: rows.some((row) => row.instrument_id === null),
    instrumentIds: new Set(rows.flatMap((row) => row.instrument_id ?? [])),
  };
}

/** Whether an instrument is stopped. */
export function isTripped(tripped: Tripped, instrumentId: Id): boolean {
  return tripped.platform || tripped.instrumentIds.has(instrumentId);
}

/** Waits for whoever accepts or settles orders now, and keeps the next from beginning. */
export async function lockBreakers(tx: Tx): Promise<void> {
  await lockExclusive(tx, [LOCK]);
}

/** @effects a notification with the commit */
export async function tellEngines(tx: Tx): Promise<void> {
  await tx.execute(sql`select pg_notify(${BREAKERS_CHANNEL}, '')`);
}
