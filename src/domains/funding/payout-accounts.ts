/** The accounts money is paid from, and the house wallet each stands for. */
import { and, asc, desc, eq, isNull, type SQL, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { bankAccounts } from './evidence/schema.ts';
import { payoutFileVoids } from './payouts/schema.ts';
import { payoutAccounts, payoutFiles } from './schema.ts';
import { HOUSE_REFERENCE } from './settings.ts';

export type PayoutAccountRow = typeof payoutAccounts.$inferSelect;

const SHOWN = 4;

/** The account a currency is paid from now; undefined where none was set. */
export async function payoutAccountOf(tx: Tx, asset: string): Promise<PayoutAccountRow | undefined> {
  const [newest] = await tx
    .select()
    .from(payoutAccounts)
    .where(eq(payoutAccounts.asset, asset))
    .orderBy(desc(payoutAccounts.createdAt), desc(payoutAccounts.id))
    .limit(1);
  return newest;
}

/** Every account that is or was paid from, newest first, the one in force of each currency marked. */
export async function listPayoutAccounts(ctx: Ctx) {
  return transact(ctx, 'staff', async (tx) => {
    const rows = await tx
      .select()
      .from(payoutAccounts)
      .orderBy(asc(payoutAccounts.asset), desc(payoutAccounts.createdAt), desc(payoutAccounts.id));
    return rows.map((row, place) => ({
      ...row,
      iban: masked(row.iban),
      current: rows[place - 1]?.asset !== row.asset,
    }));
  });
}

/**
 * Which of the house's bank wallets a payout was paid from: that of the account its file names, where
 * statements are expected of it, else the main one.
 */
export async function houseReferenceOfPayout(tx: Tx, withdrawalId: Id): Promise<string> {
  const account = await bankAccountOfPayout(tx, withdrawalId);
  return account?.houseReference ?? HOUSE_REFERENCE;
}

/** Files that hold this payment, a withdrawal or a repayment. */
export function holdsPayment(paymentId: Id): SQL {
  return sql`${payoutFiles.id} in (
    select i.file_id from payout_file_items i where i.withdrawal_id = ${paymentId}
    union all select r.file_id from payout_file_repayments r where r.repayment_id = ${paymentId})`;
}

/** The expected bank account that a payment's last file is paid from; undefined without a file or an account. */
export async function bankAccountOfPayout(tx: Tx, paymentId: Id) {
  const [row] = await tx
    .select({ account: bankAccounts })
    .from(payoutFiles)
    .innerJoin(payoutAccounts, eq(payoutAccounts.id, payoutFiles.payoutAccountId))
    .innerJoin(
      bankAccounts,
      and(eq(bankAccounts.iban, payoutAccounts.iban), eq(bankAccounts.currency, payoutAccounts.asset)),
    )
    .leftJoin(payoutFileVoids, eq(payoutFileVoids.fileId, payoutFiles.id))
    .where(and(holdsPayment(paymentId), isNull(payoutFileVoids.fileId)))
    .orderBy(desc(payoutFiles.createdAt), desc(payoutFiles.id))
    .limit(1);
  return row?.account;
}

/** Which of the house's bank wallets a file paid from this account takes its money from. */
export async function houseReferenceOf(tx: Tx, account: PayoutAccountRow): Promise<string> {
  const [row] = await tx
    .select({ houseReference: bankAccounts.houseReference })
    .from(bankAccounts)
    .where(and(eq(bankAccounts.iban, account.iban), eq(bankAccounts.currency, account.asset)));
  return row?.houseReference ?? HOUSE_REFERENCE;
}

/** The country and the last characters, for people to recognise it. */
function masked(iban: string): string {
  return `${iban.slice(0, SHOWN)}…${iban.slice(-SHOWN)}`;
}
