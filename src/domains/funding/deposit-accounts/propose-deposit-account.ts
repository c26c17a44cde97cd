import { and, eq } from 'drizzle-orm';
import type { Role } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { requireAsset } from '../../ledger/index.ts';
import { refuseFunding } from '../errors.ts';
import { bankAccounts } from '../evidence/schema.ts';
import { DEPOSIT_ACCOUNT_EVENTS } from './audit.ts';
import { depositAccountOf } from './payment-instructions.ts';
import { depositAccounts } from './schema.ts';

/** Who proposes the account customers pay to, and who decides on it. */
export const DEPOSIT_ACCOUNT_ROLES = ['operations', 'admin'] as const satisfies readonly Role[];

const SET_ACCOUNT = 'deposit_account.set';

export type DepositAccountProposal = {
  readonly asset: string;
  readonly holderName: string;
  readonly iban: string;
  readonly bic: string;
  readonly bankName: string;
  readonly reason: string;
};

/**
 * Puts the account that customers of a currency pay to before another person. It is one whose statements are
 * expected, so that what comes there is seen.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors unknown_asset, deposit_account_unexpected, approval_pending_exists
 */
export async function proposeDepositAccount(ctx: Ctx, proposal: DepositAccountProposal): Promise<Approval> {
  const { asset, holderName, iban, bic, bankName, reason } = proposal;
  return transact(ctx, 'staff', async (tx) => {
    await requireAsset(tx, asset);
    const [expected] = await tx
      .select({ id: bankAccounts.id })
      .from(bankAccounts)
      .where(and(eq(bankAccounts.iban, iban), eq(bankAccounts.currency, asset)));
    if (expected === undefined) {
      throw refuseFunding('deposit_account_unexpected');
    }
    const replaces = (await depositAccountOf(tx, asset))?.id;
    return requestApproval(tx, ctx, {
      action: SET_ACCOUNT,
      subjectType: 'deposit_account',
      // The account it replaces: so a currency has one proposal at a time.
      subjectId: replaces ?? newId(),
      subjectUserId: null,
      payload: { asset, holderName, iban, bic, bankName, replaces: replaces ?? null },
      quorum: 1,
      checkerRoles: DEPOSIT_ACCOUNT_ROLES,
      reason,
    });
  });
}

/** What the vote on an account does. People are called: whoever exchanges the number takes what customers pay in. */
export const depositAccountChange: ApprovalAction = {
  action: SET_ACCOUNT,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { replaces, ...account } = approved.payload as Omit<DepositAccountProposal, 'reason'> & {
      readonly replaces: Id | null;
    };
    await lockExclusive(tx, ['deposit_accounts']);
    const before = await depositAccountOf(tx, account.asset);
    if ((before?.id ?? null) !== replaces) {
      throw refuseFunding('deposit_account_changed');
    }
    const [after] = await tx
      .insert(depositAccounts)
      .values({
        ...account,
        id: newId(),
        approvalId: approved.approvalId,
        createdAt: ctx.deps.clock.now(),
      })
      .returning();
    const set = present(after, 'the account was inserted');
    await raiseAlarm(tx, ctx, {
      event: DEPOSIT_ACCOUNT_EVENTS['deposit_account.changed'],
      resource: { type: 'deposit_account', id: set.id },
      subjectUserId: null,
      ...(before === undefined ? {} : { before }),
      after: set,
    });
  },
};
