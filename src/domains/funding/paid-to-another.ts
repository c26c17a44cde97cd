import { and, eq, ne, or } from 'drizzle-orm';
import { electronicFormatIBAN, isValidIBAN } from 'ibantools';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { opened } from './refuse-if-changed.ts';
import { counterpartyOf } from './statement-store.ts';
import { destinationOfWithdrawal, type Withdrawal } from './store.ts';
import { statementDebits } from './work/schema.ts';

/**
 * Whether the bank names another account for a debit than the payout was to go to. A line that names none says
 * nothing of it, and what is paid to a phone passes through accounts of others; a payee who can no longer be read
 * agrees with no account.
 * @errors SealError where the line itself cannot be read
 */
export async function isPaidToAnother(
  tx: Tx,
  ctx: Ctx,
  withdrawal: Withdrawal,
  lineId: Id,
): Promise<boolean> {
  const account = (await counterpartyOf(tx, ctx, lineId))?.account ?? null;
  if (account === null || withdrawal.method !== 'bank_transfer') {
    return false;
  }
  const payee = await opened(destinationOfWithdrawal(tx, ctx, withdrawal));
  return payee?.kind !== 'bank' || !isAccountOf(payee.iban, account);
}

/**
 * Whether the bank names whose account a debit went to: one of many payments went to nobody's alone, and by whatever
 * name it bears it is somebody's who was perhaps not to be paid.
 * @errors SealError where the line itself cannot be read
 */
export async function isPaidToOne(tx: Tx, ctx: Ctx, lineId: Id): Promise<boolean> {
  return (await counterpartyOf(tx, ctx, lineId))?.account != null;
}

/** How far people said what a debit was that went to another account: not yet, something else, or this payout. */
export type Elsewhere = 'open' | 'explained' | 'agreed';

const SURENESS: readonly Elsewhere[] = ['open', 'explained', 'agreed'];

/**
 * Whether a debit that bears the reference of a locked withdrawal, or is it, went to another account than was approved,
 * whatever else is wrong with it; of several what is least agreed.
 * @errors SealError where a line itself cannot be read
 */
export async function paidElsewhere(tx: Tx, ctx: Ctx, withdrawal: Withdrawal): Promise<Elsewhere | null> {
  const { withdrawalId, namedWithdrawalId, status, statementLineId } = statementDebits;
  const debits = await tx
    .select({ status, isPayout: withdrawalId, lineId: statementLineId })
    .from(statementDebits)
    .where(
      and(ne(status, 'void'), or(eq(withdrawalId, withdrawal.id), eq(namedWithdrawalId, withdrawal.id))),
    );
  const found = new Set<Elsewhere>();
  for (const debit of debits) {
    if (await isPaidToAnother(tx, ctx, withdrawal, debit.lineId)) {
      found.add(debit.status === 'open' ? 'open' : debit.isPayout === withdrawal.id ? 'agreed' : 'explained');
    }
  }
  return SURENESS.find((each) => found.has(each)) ?? null;
}

/** Fewer characters than any bank's account numbers have are part of many IBANs. */
const NUMBER_LENGTH_MIN = 6;

/** Whether a bank means the account of an IBAN: by that, or by the number that is part of it within its country. */
function isAccountOf(iban: string, account: string): boolean {
  const named = electronicFormatIBAN(account) ?? account;
  if (isValidIBAN(named)) {
    return named === iban;
  }
  return named.length >= NUMBER_LENGTH_MIN && iban.includes(named);
}
