import { eq, inArray } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { payoutFileRepayments } from './payouts/schema.ts';
import { deposits, payoutFileItems, withdrawals } from './schema.ts';
import { repayments } from './work/schema.ts';

/** A payment file names everyone it pays, and so do those whose deposits it sends back. */
export async function peopleOfPayouts(tx: Tx, ids: readonly Id[]): Promise<readonly Id[]> {
  const taken = tx
    .selectDistinct({ person: withdrawals.userId })
    .from(payoutFileItems)
    .innerJoin(withdrawals, eq(withdrawals.id, payoutFileItems.withdrawalId))
    .where(inArray(payoutFileItems.fileId, [...ids]));
  const back = tx
    .selectDistinct({ person: deposits.userId })
    .from(payoutFileRepayments)
    .innerJoin(repayments, eq(repayments.id, payoutFileRepayments.repaymentId))
    .innerJoin(deposits, eq(deposits.id, repayments.depositId))
    .where(inArray(payoutFileRepayments.fileId, [...ids]));
  const rows = await taken.union(back);
  return rows.map((row) => row.person as Id);
}

/** The customers whose deposits go back. */
export async function peopleOfRepayments(tx: Tx, ids: readonly Id[]): Promise<readonly Id[]> {
  const rows = await tx
    .selectDistinct({ person: deposits.userId })
    .from(repayments)
    .innerJoin(deposits, eq(deposits.id, repayments.depositId))
    .where(inArray(repayments.id, [...ids]));
  return rows.map((row) => row.person as Id);
}
