/**
 * Legal holds, as everything that destroys has to look at them. It guarantees that a hold committed before
 * the look is seen, and that none is placed between the look and the end of the destroying transaction.
 */
import { and, eq, gt, type InferSelectModel, isNull, lt, or, type SQL } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Tx } from '../db/client.ts';
import { lockExclusive, lockShared } from '../db/locks.ts';
import { refuse } from '../http/refuse.ts';
import { legalHolds } from './schema.ts';

export type LegalHold = InferSelectModel<typeof legalHolds>;

/** What is to be destroyed: all on a person, or what was recorded within a time. */
export type HoldSubject = {
  readonly userId?: Id;
  /** From when to when its records are. @units from inclusive, to exclusive */
  readonly from: Instant;
  readonly to: Instant;
};

const LOCK = 'legal_holds';

/** The holds that keep the subject just now; without a lock, for reports. */
export async function heldBy(tx: Tx, subject: HoldSubject): Promise<readonly LegalHold[]> {
  return tx
    .select()
    .from(legalHolds)
    .where(and(isNull(legalHolds.releasedAt), keeping(subject)))
    .orderBy(legalHolds.id);
}

/**
 * To be called in the transaction that destroys, after the gate's lock.
 * @effects keeps new holds out until the transaction ends
 * @errors legal_hold
 */
export async function refuseHeld(tx: Tx, subject: HoldSubject): Promise<void> {
  await shareHolds(tx);
  if ((await heldBy(tx, subject)).length > 0) {
    throw refuse('legal_hold');
  }
}

/** Keeps new holds out until the transaction ends, for work that looks at holds row by row. */
export async function shareHolds(tx: Tx): Promise<void> {
  await lockShared(tx, [LOCK]);
}

/** Waits for whoever is destroying, and keeps others from it until the hold is there. */
export async function lockHolds(tx: Tx): Promise<void> {
  await lockExclusive(tx, [LOCK]);
}

function keeping({ userId, from, to }: HoldSubject): SQL | undefined {
  return or(
    eq(legalHolds.scope, 'all'),
    and(eq(legalHolds.scope, 'period'), lt(legalHolds.periodFrom, to), gt(legalHolds.periodTo, from)),
    userId === undefined ? undefined : and(eq(legalHolds.scope, 'user'), eq(legalHolds.userId, userId)),
  );
}
