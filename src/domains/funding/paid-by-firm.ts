import { and, asc, eq, inArray, ne, or, type SQL } from 'drizzle-orm';
import type { Amount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { bankAccounts, bankStatementLines, bankStatements } from './evidence/schema.ts';
import type { Payment } from './payout-file.ts';
import { payoutReferenceOf } from './payout-reference.ts';
import { filesWith, isOfFiles } from './payouts/files-on-statement.ts';
import { statementsLock } from './statement-lines.ts';
import type { Withdrawal } from './store.ts';
import { statementDebits } from './work/schema.ts';

type Named = Pick<Payment, 'id' | 'payoutReference'>;

/** A line of the firm's own account that names a payment: whoever was paid from there has the money. */
export type FirmsLine = {
  readonly statementLineId: Id;
  readonly amount: Amount;
  readonly asset: string;
  readonly reversal: boolean;
  readonly bankAccountId: Id;
};

/** Debits that bear the reference of a payment, or the name and the sum of a file that pays it. */
export async function namesPayment(tx: Tx, paid: Named): Promise<SQL> {
  const { endToEndId, amount, direction } = bankStatementLines;
  const files = await filesWith(tx, paid.id);
  const isNamed = or(
    // A payout that was never begun, or whose beginning was lost, has no reference of its own yet.
    eq(endToEndId, paid.payoutReference ?? payoutReferenceOf(paid.id)),
    ...files.map(({ name, sums }) => and(eq(endToEndId, name), inArray(amount, [...sums]))),
  );
  return present(and(isNamed, eq(direction, 'debit')), 'it has conditions');
}

/** What confirmed statements of the firm's own accounts show of a payment. */
export async function firmsLines(tx: Tx, paid: Named): Promise<readonly FirmsLine[]> {
  const { id, amount, reversal, statementId } = bankStatementLines;
  return tx
    .select({
      statementLineId: id,
      amount,
      asset: bankAccounts.currency,
      reversal,
      bankAccountId: bankAccounts.id,
    })
    .from(bankStatementLines)
    .innerJoin(bankStatements, eq(bankStatements.id, statementId))
    .innerJoin(bankAccounts, eq(bankAccounts.id, bankStatements.bankAccountId))
    .where(
      and(
        await namesPayment(tx, paid),
        eq(bankStatements.standing, 'confirmed'),
        ne(bankAccounts.houseRole, 'client_money_bank'),
      ),
    )
    .orderBy(asc(id));
}

/**
 * The lines of the firm's own accounts by which an approved withdrawal was paid: all that keep its money from leaving
 * otherwise and from being free, since they are nobody's to explain. None where clients' money shows a debit of it that
 * nobody explained, or that was said to be it: that comes first.
 */
export async function paidByFirm(tx: Tx, withdrawal: Withdrawal): Promise<readonly FirmsLine[]> {
  if (withdrawal.status !== 'approved') {
    return [];
  }
  const { status, withdrawalId, namedWithdrawalId } = statementDebits;
  const isNamed = or(eq(namedWithdrawalId, withdrawal.id), isOfFiles(await filesWith(tx, withdrawal.id)));
  const [debit] = await tx
    .select({ id: statementDebits.id })
    .from(statementDebits)
    .where(or(and(eq(status, 'open'), isNamed), and(ne(status, 'void'), eq(withdrawalId, withdrawal.id))))
    .limit(1);
  return debit === undefined ? firmsLines(tx, withdrawal) : [];
}

/** Keeps the statements that show a payment of the firm's own accounts from being given up meanwhile: before it is locked. */
export async function holdFirmsLines(tx: Tx, paid: Named): Promise<void> {
  const lines = await firmsLines(tx, paid);
  await lockExclusive(
    tx,
    lines.map(({ bankAccountId }) => statementsLock(bankAccountId)),
  );
}

/** Whether they are not one payment of this very amount: what the customer got otherwise is corrected by hand. */
export function isPaidOtherwise({ amount, asset }: Withdrawal, lines: readonly FirmsLine[]): boolean {
  const [line, ...more] = lines;
  return (
    line !== undefined && (more.length > 0 || line.amount !== amount || line.asset !== asset || line.reversal)
  );
}
