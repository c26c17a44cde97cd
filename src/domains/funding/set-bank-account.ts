import { and, eq, ne, or } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { requireAsset } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { depositAccounts } from './deposit-accounts/schema.ts';
import { refuseFunding } from './errors.ts';
import { type BANK_ACCOUNT_ROLES, bankAccounts } from './evidence/schema.ts';
import { payoutAccounts } from './schema.ts';

export type NewBankAccount = {
  readonly iban: string;
  readonly currency: string;
  /** Whose money lies there; clients' where nothing is said. */
  readonly houseRole?: (typeof BANK_ACCOUNT_ROLES)[number];
  readonly houseReference: string;
  readonly name: string;
};

const ADD = 'bank_account.add';

/**
 * Asks another person to expect statements of a bank account: of clients' money, or of the firm's own.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors unknown_asset, bank_account_not_fiat, bank_account_exists
 */
export async function proposeBankAccount(
  ctx: Ctx,
  { reason, ...asked }: NewBankAccount & { readonly reason: string },
): Promise<Approval> {
  const account = roled(asked);
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
    const account = roled(payload as NewBankAccount);
    await lockExclusive(tx, ['bank_accounts']);
    await refuseKnown(tx, account);
    if (!(await insert(tx, ctx, subjectId, account, approvalId))) {
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
    await insert(tx, ctx, newId(), roled(account), null);
  }
}

type RoledAccount = Required<NewBankAccount>;

/** What was asked for before accounts had a role was of clients' money. */
function roled(account: NewBankAccount): RoledAccount {
  return { ...account, houseRole: account.houseRole ?? 'client_money_bank' };
}

/** The vote asks again: another proposal may have come first. @errors bank_account_exists */
async function refuseKnown(tx: Tx, account: RoledAccount): Promise<void> {
  const { iban, currency, houseRole, houseReference } = account;
  const hasWallet = and(
    eq(bankAccounts.houseRole, houseRole),
    eq(bankAccounts.houseReference, houseReference),
  );
  const [known] = await tx
    .select({ name: bankAccounts.name })
    .from(bankAccounts)
    .where(and(eq(bankAccounts.currency, currency), or(eq(bankAccounts.iban, iban), hasWallet)))
    .limit(1);
  if (known !== undefined) {
    throw refuseFunding('bank_account_exists', {
      detail: `${known.name} has this number or this house wallet in ${currency}.`,
    });
  }
  await refuseMixed(tx, account);
}

/**
 * One number is of clients' money or of the firm's own, in every currency and for good: where customers pay to, and what
 * they are paid from, is never the firm's.
 */
async function refuseMixed(tx: Tx, { iban, houseRole }: RoledAccount): Promise<void> {
  const [other] = await tx
    .select({ name: bankAccounts.name })
    .from(bankAccounts)
    .where(and(eq(bankAccounts.iban, iban), ne(bankAccounts.houseRole, houseRole)))
    .limit(1);
  const isClients =
    houseRole === 'firm_account' &&
    ((await tx.$count(depositAccounts, eq(depositAccounts.iban, iban))) > 0 ||
      (await tx.$count(payoutAccounts, eq(payoutAccounts.iban, iban))) > 0);
  if (other !== undefined || isClients) {
    throw refuseFunding('bank_account_exists', {
      detail: 'This number is known: clients’ money and the firm’s own never share one.',
    });
  }
}

async function insert(
  tx: Tx,
  ctx: Ctx,
  id: Id,
  { iban, currency, houseRole, houseReference, name }: RoledAccount,
  approvalId: Id | null,
): Promise<boolean> {
  const [row] = await tx
    .insert(bankAccounts)
    .values({
      id,
      iban,
      currency,
      houseRole,
      houseReference,
      name,
      approvalId,
      createdAt: ctx.deps.clock.now(),
    })
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
