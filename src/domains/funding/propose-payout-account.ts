import { and, eq } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { requireAsset } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import { bankAccounts } from './evidence/schema.ts';
import { payoutAccountOf } from './payout-accounts.ts';
import { payoutAccounts } from './schema.ts';

/** Who proposes the account money is paid from, and who decides on it. */
export const PAYOUT_ACCOUNT_ROLES = ['operations', 'admin'] as const satisfies readonly Role[];

const SET_ACCOUNT = 'payout_account.set';

export type PayoutAccountProposal = {
  readonly asset: string;
  readonly holderName: string;
  readonly iban: string;
  readonly bic: string;
  readonly reason: string;
};

/**
 * Puts another account to pay a currency from before another person. It is one whose statements are
 * expected, so that what leaves it is seen. Files that were made keep the account they name.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors unknown_asset, payout_account_unexpected, approval_pending_exists
 */
export async function proposePayoutAccount(ctx: Ctx, proposal: PayoutAccountProposal): Promise<Approval> {
  const { asset, holderName, iban, bic, reason } = proposal;
  return transact(ctx, 'staff', async (tx) => {
    await requireAsset(tx, asset);
    const [expected] = await tx
      .select({ id: bankAccounts.id })
      .from(bankAccounts)
      .where(and(eq(bankAccounts.iban, iban), eq(bankAccounts.currency, asset)));
    if (expected === undefined) {
      throw refuseFunding('payout_account_unexpected');
    }
    const replaces = (await payoutAccountOf(tx, asset))?.id;
    return requestApproval(tx, ctx, {
      action: SET_ACCOUNT,
      subjectType: 'payout_account',
      // The account it replaces: so a currency has one proposal at a time.
      subjectId: replaces ?? newId(),
      subjectUserId: null,
      payload: { asset, holderName, iban, bic, replaces: replaces ?? null },
      quorum: 1,
      checkerRoles: PAYOUT_ACCOUNT_ROLES,
      reason,
    });
  });
}

/** What the vote on a payout account does. */
export const payoutAccountChange: ApprovalAction = {
  action: SET_ACCOUNT,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { replaces, ...account } = approved.payload as Omit<PayoutAccountProposal, 'reason'> & {
      readonly replaces: Id | null;
    };
    await lockExclusive(tx, ['payout_accounts']);
    const before = await payoutAccountOf(tx, account.asset);
    if ((before?.id ?? null) !== replaces) {
      throw refuseFunding('payout_account_changed');
    }
    const [after] = await tx
      .insert(payoutAccounts)
      .values({
        ...account,
        id: newId(),
        approvalId: approved.approvalId,
        createdAt: ctx.deps.clock.now(),
      })
      .returning();
    const set = present(after, 'the account was inserted');
    await record(tx, ctx, {
      event: FUNDING_EVENTS['payout_account.changed'],
      resource: { type: 'payout_account', id: set.id },
      subjectUserId: null,
      ...(before === undefined ? {} : { before }),
      after: set,
    });
  },
};
