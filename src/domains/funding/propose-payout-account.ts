import type { Approval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { type AccountUse, accountChange, proposeAccount } from './account-terms.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { payoutAccountOf } from './payout-accounts.ts';
import { payoutAccounts } from './schema.ts';

type PayoutTerms = {
  readonly asset: string;
  readonly holderName: string;
  readonly iban: string;
  readonly bic: string;
};

const PAYOUTS: AccountUse<PayoutTerms> = {
  type: 'payout_account',
  current: (tx, _ctx, { asset }) => payoutAccountOf(tx, asset),
  insert: async (tx, row) => (await tx.insert(payoutAccounts).values(row).returning())[0],
  tell: (tx, ctx, change) => record(tx, ctx, { ...change, event: FUNDING_EVENTS['payout_account.changed'] }),
};

/**
 * Puts another account to pay a currency from before another person. Files that were made keep the account they name.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors unknown_asset, payout_account_unexpected, approval_pending_exists
 */
export function proposePayoutAccount(
  ctx: Ctx,
  { reason, ...terms }: PayoutTerms & { readonly reason: string },
): Promise<Approval> {
  return proposeAccount(ctx, PAYOUTS, terms, reason);
}

/** What the vote on a payout account does. */
export const payoutAccountChange = accountChange(PAYOUTS);
