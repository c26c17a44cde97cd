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

/** The account that customers of a firm are shown for a currency now; undefined where none was set. */
export async function depositAccountOf(
  tx: Tx,
  { asset, legalEntity }: Pick<DepositAccountRow, 'asset' | 'legalEntity'>,
): Promise<DepositAccountRow | undefined> {
  const rows = await tx
    .select()
    .from(depositAccounts)
    .where(eq(depositAccounts.asset, asset))
    .orderBy(desc(depositAccounts.createdAt), desc(depositAccounts.id));
  return inForce(rows, legalEntity);
}

/**
 * Which of the accounts of a currency, newest first, is shown to the customers of a firm. One that names no firm was set
 * when an installation had one, and counts until the first that names one: it is shown to nobody else's customers.
 */
function inForce<Row extends { readonly legalEntity: string | null }>(
  rows: readonly Row[],
  legalEntity: string | null,
): Row | undefined {
  const isNamed = rows.some((row) => row.legalEntity !== null);
  return isNamed ? rows.find((row) => row.legalEntity === legalEntity) : rows[0];
}

/**
 * Every account that is or was shown to customers, newest first; of each currency the one that customers of this firm are
 * shown is marked.
 */
export async function listDepositAccounts(ctx: Ctx) {
  return transact(ctx, 'staff', async (tx) => {
    const rows = await tx
      .select()
      .from(depositAccounts)
      .orderBy(asc(depositAccounts.asset), desc(depositAccounts.createdAt), desc(depositAccounts.id));
    const shown = new Set(
      rows.map(({ asset }) =>
        inForce(
          rows.filter((row) => row.asset === asset),
          ctx.deps.firmName,
        ),
      ),
    );
    return rows.map((row) => ({ ...row, current: shown.has(row) }));
  });
}

/**
 * Adds where it is paid to, as it is at this moment: the account of the firm that serves its customer. Null for whatever
 * is not waited for at the firm's bank: what has come or was given up, cards and telephones, which are paid on the
 * provider's page, and coins, whose addresses the firm's custodian gives out and nobody here knows.
 */
export async function payable(tx: Tx, ctx: Ctx, deposit: Deposit): Promise<PayableDeposit> {
  const isAwaited = deposit.status === 'pending' && deposit.method === 'bank_transfer';
  const { asset } = deposit;
  const account = isAwaited
    ? await depositAccountOf(tx, { asset, legalEntity: ctx.deps.firmName })
    : undefined;
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
  return transact(ctx, ctx.login, async (tx) => payable(tx, ctx, await findDeposit(tx, ctx, depositId)));
}
