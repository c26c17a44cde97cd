import { sql } from 'drizzle-orm';
import { addMs } from '../../kernel/time.ts';
import type { Ctx } from '../context.ts';

/** Clients are promised a day. */
const KEPT_MS = 30 * 24 * 3_600_000;

const BATCH = 5_000;

/**
 * Forgets the answers kept for retries once nobody retries any more.
 * @effects rows of `idempotency_keys`, a batch at a time
 */
export async function purgeKeptAnswers({ deps }: Ctx): Promise<void> {
  const before = addMs(deps.clock.realNow(), -KEPT_MS);
  for (let gone = BATCH; gone === BATCH; ) {
    const rows = await deps.db.engine.execute(sql`
      delete from idempotency_keys where ctid = any (array(
        select ctid from idempotency_keys where created_at < ${before}::timestamptz limit ${BATCH}
      )) returning 1`);
    gone = rows.length;
  }
}
