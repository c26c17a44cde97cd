/**
 * Accounts of clients' money that two people name for a currency: the one it is paid from, and the one customers pay to.
 * What is named is an account whose statements are expected, so that what leaves it or comes there is seen; the firm's own
 * is neither. Rows never change: the newest is in force.
 */
import { and, eq } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import type { Change } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { requireAsset } from '../ledger/index.ts';
import { refuseFunding } from './errors.ts';
import { bankAccounts } from './evidence/schema.ts';

/** Who proposes such an account, and who decides on it. */
export const ACCOUNT_TERMS_ROLES = ['operations', 'admin'] as const satisfies readonly Role[];

/** What two people agree to. */
type Terms = { readonly asset: string; readonly iban: string };

type Row = { readonly id: Id };

/** What an account is named for. */
export type AccountUse<Named extends Terms> = {
  readonly type: 'deposit_account' | 'payout_account';
  /** The account in force that such terms would take the place of. */
  readonly current: (tx: Tx, ctx: Ctx, terms: Named) => Promise<Row | undefined>;
  readonly insert: (
    tx: Tx,
    row: Named & { readonly id: Id; readonly approvalId: Id; readonly createdAt: Instant },
  ) => Promise<Row | undefined>;
  /** Records the change, and calls people where it must. */
  readonly tell: (tx: Tx, ctx: Ctx, change: Omit<Change, 'event'>) => Promise<unknown>;
};

/**
 * Puts another account for a currency before another person.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors unknown_asset, deposit_account_unexpected, payout_account_unexpected, approval_pending_exists
 */
export async function proposeAccount<Named extends Terms>(
  ctx: Ctx,
  { type, current }: AccountUse<Named>,
  terms: Named,
  reason: string,
): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    await requireAsset(tx, terms.asset);
    const [expected] = await tx
      .select({ id: bankAccounts.id })
      .from(bankAccounts)
      .where(
        and(
          eq(bankAccounts.iban, terms.iban),
          eq(bankAccounts.currency, terms.asset),
          eq(bankAccounts.houseRole, 'client_money_bank'),
        ),
      );
    if (expected === undefined) {
      throw refuseFunding(`${type}_unexpected`);
    }
    const replaces = (await current(tx, ctx, terms))?.id;
    return requestApproval(tx, ctx, {
      action: `${type}.set`,
      subjectType: type,
      // The account it replaces: so a currency has one proposal at a time.
      subjectId: replaces ?? newId(),
      subjectUserId: null,
      payload: { ...terms, replaces: replaces ?? null },
      quorum: 1,
      checkerRoles: ACCOUNT_TERMS_ROLES,
      reason,
    });
  });
}

/** What the vote on such an account does. */
export function accountChange<Named extends Terms>(use: AccountUse<Named>): ApprovalAction {
  const { type, current, insert, tell } = use;
  return {
    action: `${type}.set`,
    execute: async (ctx, approved) => {
      const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
      const { replaces, ...agreed } = approved.payload as { readonly replaces: Id | null };
      const terms = agreed as unknown as Named;
      await lockExclusive(tx, [`${type}s`]);
      const before = await current(tx, ctx, terms);
      if ((before?.id ?? null) !== replaces) {
        throw refuseFunding(`${type}_changed`);
      }
      const { approvalId } = approved;
      const row = { ...terms, id: newId(), approvalId, createdAt: ctx.deps.clock.now() };
      const after = present(await insert(tx, row), 'the account was inserted');
      await tell(tx, ctx, {
        resource: { type, id: after.id },
        subjectUserId: null,
        ...(before === undefined ? {} : { before }),
        after,
      });
    },
  };
}
