import { and, eq, gte, ne, notInArray, or, sql } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount, minAmount, parseAmount, ZERO } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { refuseFunding } from './errors.ts';
import { bankStatementLines } from './evidence/schema.ts';
import { payoutOfReference } from './payout-reference.ts';
import type { Receipt } from './receipts.ts';
import { repaymentOwner } from './repayments/repayment-owner.ts';
import { VOID_WITHDRAWAL_STATUSES } from './rules.ts';
import { withdrawals } from './schema.ts';
import type { Withdrawal } from './store.ts';
import { repayments } from './work/schema.ts';

/** A debit of another amount names the payout, and nobody said yet what it was: how much was paid is not known. */
const isOtherwiseShown = sql<boolean>`exists (
  select 1 from statement_debits d where d.named_withdrawal_id = ${withdrawals.id} and d.status = 'open'
    and d.reason = 'amount_differs')`;

type Brought = Pick<Receipt, 'statementLineId' | 'asset' | 'amount'>;

/**
 * The payout that a receipt brings back: the bank cites its end-to-end id, of the same currency, and brings no more than
 * was paid, once the books say what was. It may come before anybody here said that the payout was made. Undefined where
 * it cites none.
 */
export async function returnedPayout(
  tx: Tx,
  { statementLineId, asset, amount }: Brought,
): Promise<Withdrawal | undefined> {
  const reference = await referenceCited(tx, statementLineId);
  const id = reference === null ? undefined : payoutOfReference(reference);
  if (reference === null) {
    return undefined;
  }
  const [found] = await tx
    .select()
    .from(withdrawals)
    .where(
      and(
        or(eq(withdrawals.payoutReference, reference), id === undefined ? undefined : eq(withdrawals.id, id)),
        eq(withdrawals.asset, asset),
        notInArray(withdrawals.status, [...VOID_WITHDRAWAL_STATUSES]),
        or(
          ne(withdrawals.status, 'completed'),
          isOtherwiseShown,
          gte(sql`coalesce(${withdrawals.paidAmount}, ${withdrawals.amount})`, formatAmount(amount)),
        ),
      ),
    );
  return found;
}

/** Whose payout, or whose money that had gone back, a receipt brings back; null where it brings back nobody's. */
export async function ownerOfReturned(tx: Tx, receipt: Brought): Promise<Id | null> {
  const payout = await returnedPayout(tx, receipt);
  const reference = payout === undefined ? await referenceCited(tx, receipt.statementLineId) : null;
  if (reference === null) {
    return payout?.userId ?? null;
  }
  const { payoutReference, asset, amount } = repayments;
  const [repaid] = await tx
    .select({ owner: repaymentOwner })
    .from(repayments)
    .where(and(eq(payoutReference, reference), eq(asset, receipt.asset), gte(amount, receipt.amount)));
  return repaid?.owner ?? null;
}

async function referenceCited(tx: Tx, statementLineId: Id): Promise<string | null> {
  const [line] = await tx
    .select({ endToEndId: bankStatementLines.endToEndId })
    .from(bankStatementLines)
    .where(eq(bankStatementLines.id, statementLineId));
  return line?.endToEndId ?? null;
}

/**
 * Nothing is done with what brings a payout back before the books have let that go, and know how much it was.
 * @errors receipt_does_not_fit
 */
export async function refuseUncompleted(tx: Tx, returned: Withdrawal | undefined): Promise<void> {
  if (returned !== undefined && returned.status !== 'completed') {
    const detail = `It brings back withdrawal ${returned.id}, which is ${returned.status}: that is completed first.`;
    throw refuseFunding('receipt_does_not_fit', { detail });
  }
  const [shown] =
    returned === undefined
      ? []
      : await tx
          .select({ id: withdrawals.id })
          .from(withdrawals)
          .where(and(eq(withdrawals.id, returned.id), isOtherwiseShown));
  if (shown !== undefined) {
    const detail = `It brings back withdrawal ${shown.id}, of which the bank paid another amount: explain that debit first.`;
    throw refuseFunding('receipt_does_not_fit', { detail });
  }
}

/**
 * How much of what a payout brings back is the firm's: a bank paid too much, two people said that the firm owes that, and
 * what comes back of the payout is that first.
 */
export async function firmsShare(
  tx: Tx,
  { amount }: Pick<Receipt, 'amount'>,
  returned: Withdrawal | undefined,
): Promise<Amount> {
  if (returned === undefined || returned.paidAmount === null || returned.paidAmount <= returned.amount) {
    return ZERO;
  }
  const [found] = await tx.execute<{ borne: boolean; back: string }>(sql`
    select exists (select 1 from statement_debits d join approvals a on a.id = d.approval_id
        where d.withdrawal_id = ${returned.id} and d.status = 'explained'
          and a.payload -> 'explanation' ->> 'excess' = 'firm') as borne,
      (select coalesce(sum((a.payload ->> 'firms')::numeric), 0)::text
        from unallocated_receipts r join approvals a on a.id = r.approval_id
        where r.status = 'explained' and a.payload ->> 'returnsWithdrawalId' = ${returned.id}) as back`);
  const { borne, back } = present(found, 'one row is counted');
  const owed = amountOf(returned.paidAmount - returned.amount - parseAmount(back));
  return borne && owed > 0n ? minAmount(owed, amount) : ZERO;
}

/** What is the firm's goes to no customer, nor out of the bank with what is theirs. @errors receipt_does_not_fit */
export async function refuseFirmsShare(
  tx: Tx,
  receipt: Pick<Receipt, 'amount'>,
  returned: Withdrawal | undefined,
): Promise<void> {
  const firms = await firmsShare(tx, receipt, returned);
  if (returned !== undefined && firms > 0n) {
    const detail =
      `It brings back withdrawal ${returned.id}, and ${formatAmount(firms)} of it is the firm's, which the bank had paid ` +
      'too much: explain it as house, receivable firm, by which the rest stays open as a receipt of its own.';
    throw refuseFunding('receipt_does_not_fit', { detail });
  }
}

/**
 * What a payout brings back goes to the account it left, and to no other; what is the firm's of it goes to no customer.
 * @errors receipt_does_not_fit
 */
export async function refuseOtherAccount(
  tx: Tx,
  receipt: Pick<Receipt, 'amount'>,
  returned: Withdrawal | undefined,
  target: { readonly accountId: Id | null; readonly depositId: Id | null },
): Promise<void> {
  await refuseUncompleted(tx, returned);
  if (returned === undefined) {
    return;
  }
  await refuseFirmsShare(tx, receipt, returned);
  if (target.depositId !== null || target.accountId !== returned.accountId) {
    const detail = `It brings back withdrawal ${returned.id}: allocate it to that one's account, or return it.`;
    throw refuseFunding('receipt_does_not_fit', { detail });
  }
}
