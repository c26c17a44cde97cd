import { and, eq, ne } from 'drizzle-orm';
import type { Tx } from '../../../platform/db/client.ts';
import { refuseFunding } from '../errors.ts';
import { refuseIfDebited } from '../statement-debits.ts';
import { payoutConflicts } from '../work/schema.ts';
import type { Repayment } from './repayment-status.ts';

/**
 * Keeps locked repayments out of a file, and their file from being handed out, that the bank shows as paid: a debit
 * bears the reference, which stays the same over every try, or a report says otherwise than that it failed and nobody
 * ended that contradiction yet.
 * @errors payout_on_statement, payout_may_leave
 */
export async function refusePaid(tx: Tx, locked: readonly Repayment[]): Promise<void> {
  for (const row of locked) {
    await refuseIfDebited(tx, row, 'bank');
    const [conflict] = await tx
      .select({ said: payoutConflicts.said })
      .from(payoutConflicts)
      .where(
        and(
          eq(payoutConflicts.repaymentId, row.id),
          eq(payoutConflicts.status, 'open'),
          ne(payoutConflicts.said, 'failed'),
        ),
      )
      .limit(1);
    if (conflict !== undefined) {
      const detail = `Of repayment ${row.id} the bank says ${conflict.said}: end that contradiction first.`;
      throw refuseFunding('payout_may_leave', { detail });
    }
  }
}
