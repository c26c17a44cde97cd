import { and, eq, or } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { requireAsset } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import { bankAccounts } from './evidence/schema.ts';

export type NewBankAccount = {
  readonly iban: string;
  readonly currency: string;
  readonly houseReference: string;
  readonly name: string;
};

const ADD = 'bank_account.add';

/**
 * Asks another person to expect statements of a bank account.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors unknown_asset, bank_account_not_fiat, bank_account_exists
 */
export async function proposeBankAccount(
  ctx: Ctx,
  { reason, ...account }: NewBankAccount & { readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const asset = await requireAsset(tx, account.currency);
    if (asset.kind !== 'fiat') {
      throw refuseFunding('bank_account_not_fiat');
    }
    await refuseKnown(tx, account);
    return requestApproval(tx, ctx, {
      action: ADD,
      subjectType: 'bank_account',
      subjectId: newId(),
      subjectUserId: null,
      payload: { ...account },
      quorum: 1,
      checkerRoles: ['operations', 'admin'],
      reason,
    });
  });
}

/** What the last vote on a bank account does. */
export const bankAccountAddition: ApprovalAction = {
  action: ADD,
  execute: async (ctx, { approvalId, subjectId, payload }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    if (!(await insert(tx, ctx, subjectId, payload as NewBankAccount, approvalId))) {
      throw refuseFunding('bank_account_exists');
    }
  },
};

/**
 * Writes the bank accounts of a new installation; one that is there stays as it is.
 * @effects rows of `bank_accounts`; audit `bank_account.added`
 */
export async function seedBankAccounts(tx: Tx, ctx: Ctx, accounts: readonly NewBankAccount[]): Promise<void> {
  for (const account of accounts) {
    await insert(tx, ctx, newId(), account, null);
  }
}

/** The vote asks again: another proposal may have come first. @errors bank_account_exists */
async function refuseKnown(tx: Tx, { iban, currency, houseReference }: NewBankAccount): Promise<void> {
  const [known] = await tx
    .select({ name: bankAccounts.name })
    .from(bankAccounts)
    .where(
      and(
        eq(bankAccounts.currency, currency),
        or(eq(bankAccounts.iban, iban), eq(bankAccounts.houseReference, houseReference)),
      ),
    )
    .limit(1);
  if (known !== undefined) {
    throw refuseFunding('bank_account_exists', {
      detail: `${known.name} has this number or this house wallet in ${currency}.`,
    });
  }
}

async function insert(
  tx: Tx,
  ctx: Ctx,
  id: Id,
  { iban, currency, houseReference, name }: NewBankAccount,
  approvalId: Id | null,
): Promise<boolean> {
  const [row] = await tx
    .insert(bankAccounts)
    .values({ id, iban, currency, houseReference, name, approvalId, createdAt: ctx.deps.clock.now() })
    .onConflictDoNothing()
    .returning();
  if (row === undefined) {
    return false;
  }
  await record(tx, ctx, {
    event: FUNDING_EVENTS['bank_account.added'],
    resource: { type: 'bank_account', id },
    subjectUserId: null,
    after: row,
  });
  return true;
}
