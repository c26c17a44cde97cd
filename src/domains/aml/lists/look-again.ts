import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive, lockShared } from '../../../platform/db/locks.ts';

const MEANING = 'aml.list_meaning';

/** Keeps what a hit on each list means as it is until the transaction ends, for whoever judges hits by it. */
export async function holdMeaning(tx: Tx): Promise<void> {
  await lockShared(tx, [MEANING]);
}

/** Waits for all who judge by what hits mean so far, and keeps further ones out until the transaction ends. */
export async function lockMeaning(tx: Tx): Promise<void> {
  await lockExclusive(tx, [MEANING]);
}

/**
 * Has everybody looked at again who ever resembled an entry of a list, because a hit on it means something else
 * now: they are due at once, so their money waits for the look. A look that was read before this moves nobody up.
 * @effects `screening_standings`
 */
export async function lookAgain(tx: Tx, listId: Id, at: Instant): Promise<void> {
  await tx.execute(sql`
    update screening_standings
    set next_due_at = least(next_due_at, ${at}::timestamptz), version = version + 1
    where user_id in (
      select s.user_id from list_entities e
        join screening_matches m on m.entity_id = e.id join screenings s on s.id = m.screening_id
      where e.list_id = ${listId})`);
}
