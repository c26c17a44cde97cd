import { eq, inArray } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { payoutFileItems, withdrawals } from './schema.ts';

/** A payment file names everyone it pays. */
export async function peopleOfPayouts(tx: Tx, ids: readonly Id[]): Promise<readonly Id[]> {
  const rows = await tx
    .selectDistinct({ person: withdrawals.userId })
    .from(payoutFileItems)
    .innerJoin(withdrawals, eq(withdrawals.id, payoutFileItems.withdrawalId))
    .where(inArray(payoutFileItems.fileId, [...ids]));
  return rows.map((row) => row.person as Id);
}
