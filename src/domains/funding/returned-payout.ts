import { and, eq, gte } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { refuseFunding } from './errors.ts';
import { bankStatementLines } from './evidence/schema.ts';
import type { Receipt } from './receipts.ts';
import { withdrawals } from './schema.ts';
import type { Withdrawal } from './store.ts';

/**
 * The completed payout that a receipt brings back: the bank cites its end-to-end id, of the same currency, and brings
 * no more than was paid. Undefined where it cites none.
 */
export async function returnedPayout(
  tx: Tx,
  { statementLineId, asset, amount }: Pick<Receipt, 'statementLineId' | 'asset' | 'amount'>,
): Promise<Withdrawal | undefined> {
  const [found] = await tx
    .select({ withdrawal: withdrawals })
    .from(bankStatementLines)
    .innerJoin(withdrawals, eq(withdrawals.payoutReference, bankStatementLines.endToEndId))
    .where(
      and(
        eq(bankStatementLines.id, statementLineId),
        eq(withdrawals.asset, asset),
        eq(withdrawals.status, 'completed'),
        gte(withdrawals.amount, amount),
      ),
    );
  return found?.withdrawal;
}

/** What a payout brings back goes to the account it left, and to no other. @errors receipt_does_not_fit */
export function refuseOtherAccount(
  returned: Withdrawal | undefined,
  target: { readonly accountId: Id; readonly depositId: Id | null },
): void {
  if (returned !== undefined && (target.depositId !== null || target.accountId !== returned.accountId)) {
    const detail = `It brings back withdrawal ${returned.id}: allocate it to that one's account, or return it.`;
    throw refuseFunding('receipt_does_not_fit', { detail });
  }
}
