import { record } from '../audit/record.ts';
import type { Ctx } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { transact } from '../db/transact.ts';
import { JOB_EVENTS } from './audit.ts';

/** Rows of one table that have served: nothing that a class of records keeps. */
export type Purge = {
  readonly table: string;
  /** Removes so many of them at most. @shape how many went; fewer than the limit where none are left */
  readonly remove: (tx: Tx, ctx: Ctx, limit: number) => Promise<number>;
};

/** A transaction of a thousand keeps neither writers nor the sequencer waiting. */
const BATCH = 1_000;
/** The rest waits for the next run. */
const MAX_BATCHES = 1_000;

/**
 * Removes what has served, a batch at a time. What a failure leaves is removed by the next run; what went
 * before it is on record.
 * @effects rows of the tables; audit `rows.purged` once, with the counts, where there were any
 */
export async function purgeRows(ctx: Ctx, purges: readonly Purge[]): Promise<void> {
  const counts: Record<string, number> = {};
  try {
    for (const { table, remove } of purges) {
      for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
        const gone = await transact(ctx, 'engine', (tx) => remove(tx, ctx, BATCH));
        counts[table] = (counts[table] ?? 0) + gone;
        if (gone < BATCH) {
          break;
        }
      }
    }
  } finally {
    if (Object.values(counts).some((count) => count > 0)) {
      await transact(ctx, 'engine', (tx) =>
        record(tx, ctx, {
          event: JOB_EVENTS['rows.purged'],
          resource: { type: 'database', id: 'served rows' },
          subjectUserId: null,
          after: { counts },
        }),
      );
    }
  }
}
