import { and, eq, isNull } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { StatementDebit } from '../statement-debits.ts';
import { statementDebits } from '../work/schema.ts';

/** An open debit of this amount that names no payment, and so may be any; undefined where there is none. */
export async function namelessDebit(
  tx: Tx,
  { walletId, amount }: Pick<StatementDebit, 'walletId' | 'amount'>,
): Promise<Id | undefined> {
  const { id, status, namedWithdrawalId, namedRepaymentId, namedPayoutFileId } = statementDebits;
  const [open] = await tx
    .select({ id })
    .from(statementDebits)
    .where(
      and(
        eq(statementDebits.walletId, walletId),
        eq(statementDebits.amount, amount),
        eq(status, 'open'),
        isNull(namedWithdrawalId),
        isNull(namedRepaymentId),
        isNull(namedPayoutFileId),
      ),
    )
    .orderBy(id)
    .limit(1);
  return open?.id;
}
