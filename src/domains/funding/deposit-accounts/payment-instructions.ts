import { asc, desc, eq } from 'drizzle-orm';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type Deposit, findDeposit } from '../store.ts';
import { depositAccounts } from './schema.ts';

type DepositAccountRow = typeof depositAccounts.$inferSelect;

/** Where a customer pays an announced deposit to, and what they write on it. */
export type PaymentInstructions = Pick<DepositAccountRow, 'holderName' | 'iban' | 'bic' | 'bankName'> & {
  readonly reference: string;
};

export type PayableDeposit = Deposit & { readonly paymentInstructions: PaymentInstructions | null };

/** The account that customers are shown for a currency now; undefined where none was set. */
export async function depositAccountOf(tx: Tx, asset: string): Promise<DepositAccountRow | undefined> {
  const [newest] = await tx
    .select()
    .from(depositAccounts)
    .where(eq(depositAccounts.asset, asset))
    .orderBy(desc(depositAccounts.createdAt), desc(depositAccounts.id))
    .limit(1);
  return newest;
}

/** Every account that is or was shown to customers, newest first, the one in force of each currency marked. */
export async function listDepositAccounts(ctx: Ctx) {
  return transact(ctx, 'staff', async (tx) => {
    const rows = await tx
      .select()
      .from(depositAccounts)
      .orderBy(asc(depositAccounts.asset), desc(depositAccounts.createdAt), desc(depositAccounts.id));
    return rows.map((row, place) => ({ ...row, current: rows[place - 1]?.asset !== row.asset }));
  });
}

/**
 * Adds where it is paid to, as it is at this moment. Null for whatever is not waited for at the firm's bank: what has
 * come or was given up, cards and telephones, which are paid on the provider's page, and coins, whose addresses the
 * firm's custodian gives out and nobody here knows.
 */
export async function payable(tx: Tx, deposit: Deposit): Promise<PayableDeposit> {
  const isAwaited = deposit.status === 'pending' && deposit.method === 'bank_transfer';
  const account = isAwaited ? await depositAccountOf(tx, deposit.asset) : undefined;
  if (account === undefined) {
    return { ...deposit, paymentInstructions: null };
  }
  const { holderName, iban, bic, bankName } = account;
  return {
    ...deposit,
    paymentInstructions: { holderName, iban, bic, bankName, reference: deposit.paymentReference },
  };
}

/** One deposit and where it is paid to, in a transaction of its own. @errors not_found */
export async function getDeposit(ctx: Ctx, depositId: Deposit['id']): Promise<PayableDeposit> {
  return transact(ctx, ctx.login, async (tx) => payable(tx, await findDeposit(tx, ctx, depositId)));
}
