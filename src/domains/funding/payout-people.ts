import { eq, inArray } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { payoutFileRepayments } from './payouts/schema.ts';
import { repaymentOwner } from './repayments/repayment-owner.ts';
import { payoutFileItems, withdrawals } from './schema.ts';
import { repayments } from './work/schema.ts';

/** A payment file names everyone it pays, and so do those whose money it sends back. */
export async function peopleOfPayouts(tx: Tx, ids: readonly Id[]): Promise<readonly Id[]> {
  const taken = await tx
    .selectDistinct({ person: withdrawals.userId })
    .from(payoutFileItems)
    .innerJoin(withdrawals, eq(withdrawals.id, payoutFileItems.withdrawalId))
    .where(inArray(payoutFileItems.fileId, [...ids]));
  const back = await tx
    .selectDistinct({ person: repaymentOwner })
    .from(payoutFileRepayments)
    .innerJoin(repayments, eq(repayments.id, payoutFileRepayments.repaymentId))
    .where(inArray(payoutFileRepayments.fileId, [...ids]));
  return [...new Set([...taken, ...back].flatMap(({ person }) => person ?? []))];
}

/** The customers whose money goes back. */
export async function peopleOfRepayments(tx: Tx, ids: readonly Id[]): Promise<readonly Id[]> {
  const rows = await tx
    .selectDistinct({ person: repaymentOwner })
    .from(repayments)
    .where(inArray(repayments.id, [...ids]));
  return rows.flatMap(({ person }) => person ?? []);
}
