import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import type { Approval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import { type AccountUse, accountChange, proposeAccount } from '../account-terms.ts';
import { DEPOSIT_ACCOUNT_EVENTS } from './audit.ts';
import { depositAccountOf } from './payment-instructions.ts';
import { depositAccounts } from './schema.ts';

type DepositTerms = {
  readonly asset: string;
  /** Whose customers pay to it. What was proposed before this was asked names none. */
  readonly legalEntity?: string;
  readonly holderName: string;
  readonly iban: string;
  readonly bic: string;
  readonly bankName: string;
};

const DEPOSITS: AccountUse<DepositTerms> = {
  type: 'deposit_account',
  current: (tx, ctx, { asset, legalEntity }) =>
    depositAccountOf(tx, { asset, legalEntity: legalEntity ?? ctx.deps.firmName }),
  insert: async (tx, row) => (await tx.insert(depositAccounts).values(row).returning())[0],
  // Whoever exchanges the number takes what customers pay in.
  tell: (tx, ctx, change) =>
    raiseAlarm(tx, ctx, { ...change, event: DEPOSIT_ACCOUNT_EVENTS['deposit_account.changed'] }),
};

/**
 * Puts the account that customers of a currency and of this firm pay to before another person.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors unknown_asset, deposit_account_unexpected, approval_pending_exists
 */
export function proposeDepositAccount(
  ctx: Ctx,
  { reason, ...terms }: Omit<DepositTerms, 'legalEntity'> & { readonly reason: string },
): Promise<Approval> {
  return proposeAccount(ctx, DEPOSITS, { ...terms, legalEntity: ctx.deps.firmName }, reason);
}

/** What the vote on an account does; people are called. */
export const depositAccountChange = accountChange(DEPOSITS);
