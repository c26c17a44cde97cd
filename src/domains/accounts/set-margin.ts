import { eq, sql } from 'drizzle-orm';
import { parseAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { publish } from '../../platform/outbox/publish.ts';
import {
  gateRefusal,
  lockGateExclusively,
  readGates,
  refuseSelfAction,
  riskProfilesOf,
  suitableLeverage,
} from '../identity/index.ts';
import { ACCOUNT_EVENTS } from './audit.ts';
import { refuseAccount } from './errors.ts';
import {
  areSame,
  endsSooner,
  isOrdered,
  lowersGuard,
  type MarginTerms,
  marginTermsOf,
} from './margin-terms.ts';
import { accountAllows } from './rules.ts';
import { accounts } from './schema.ts';
import { type Account, findAccount, lockAccount } from './store.ts';

/** Who grants margin, and may tighten it alone. */
export const MARGIN_GRANTERS = ['risk_manager', 'admin'] as const;

const ACTION = 'account.set_margin';

export type MarginChange = { readonly [Name in keyof MarginTerms]?: MarginTerms[Name] | undefined } & {
  readonly reason: string;
};

export type MarginSet = {
  readonly accountId: Id;
  readonly status: 'in_force' | 'pending';
  readonly approvalId: Id | null;
};

/**
 * Changes on what terms an account holds positions. Its owner asks or its firm does; terms that guard no less are in
 * force at once, others when somebody of the firm, and another one where the firm asked, grants them; so does what the
 * firm would call or liquidate what is open by. Paper accounts are their owner's to set.
 * @effects one row of `accounts`, audit `account.margin_set`, event `accounts.margin_set`; or one of `approvals`, audit
 *   `approval.requested`
 * @errors not_found, self_action, account_not_active, margin_terms_invalid, leverage_unsuitable, agreements_outdated,
 *   kyc_not_approved, account_restricted, under_review, approval_pending_exists
 */
export async function setMargin(
  ctx: Ctx,
  accountId: Id,
  { reason, ...change }: MarginChange,
): Promise<MarginSet> {
  return transact(ctx, 'engine', async (tx) => {
    const { userId } = await findAccount(tx, ctx, accountId);
    if (ctx.login === 'staff') {
      refuseSelfAction(ctx, userId);
    }
    await lockGateExclusively(tx, userId);
    const before = await lockAccount(tx, ctx, accountId);
    const said = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
    const terms: MarginTerms = { ...marginTermsOf(before), ...said };
    if (!isOrdered(terms)) {
      throw refuseAccount('margin_terms_invalid');
    }
    const lowers = lowersGuard(before, terms);
    if (lowers) {
      await refuseUnsuitable(tx, before, terms);
    }
    const granted =
      before.type === 'live' &&
      (lowers || (ctx.login === 'staff' && endsSooner(before, terms) && (await hasPositions(tx, accountId))));
    if (!granted) {
      await write(tx, ctx, before, terms, null, reason);
      return { accountId, status: 'in_force', approvalId: null };
    }
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'account',
      subjectId: accountId,
      subjectUserId: userId,
      payload: { from: marginTermsOf(before), to: terms },
      quorum: 1,
      checkerRoles: MARGIN_GRANTERS,
      reason,
    });
    return { accountId, status: 'pending', approvalId: approval.id };
  });
}

/** What the last vote on looser terms does. @errors conflict where the terms were changed meanwhile; as `setMargin` */
export const setMarginAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, { subjectId, payload, approvalId }) =>
    transact(ctx, 'engine', async (tx) => {
      const staffCtx: Ctx = { ...ctx, login: 'staff' };
      const { userId } = await findAccount(tx, staffCtx, subjectId);
      await lockGateExclusively(tx, userId);
      const before = await lockAccount(tx, staffCtx, subjectId);
      const { from, to } = payload as { from: MarginTerms; to: MarginTerms };
      const standing = marginTermsOf(before);
      if (!areSame(from, standing)) {
        throw refuse('conflict');
      }
      if (lowersGuard(standing, to)) {
        await refuseUnsuitable(tx, before, to);
      }
      await write(tx, ctx, before, to, approvalId, `approval ${approvalId}`);
    }),
};

/** What an account holds open may be closed out by other thresholds: no one person of the firm's to do. */
async function hasPositions(tx: Tx, accountId: Id): Promise<boolean> {
  const open = await tx.execute(
    sql`select 1 from positions where account_id = ${accountId} and closed_at is null limit 1`,
  );
  return open.length > 0;
}

/** What suits the person, and what they agreed to, is asked when it is granted too. Paper obeys no gate. */
async function refuseUnsuitable(tx: Tx, account: Account, { maxLeverage }: MarginTerms): Promise<void> {
  if (!accountAllows(account.status, 'trade')) {
    throw refuseAccount('account_not_active');
  }
  const { userId } = account;
  if (account.type === 'live') {
    const refusal = gateRefusal((await readGates(tx, [userId])).get(userId), 'trade');
    if (refusal !== null) {
      throw refuseAccount(refusal);
    }
  }
  const profile = (await riskProfilesOf(tx, [userId])).get(userId) ?? null;
  if (parseAmount(maxLeverage) > suitableLeverage(profile)) {
    throw refuseAccount('leverage_unsuitable');
  }
}

async function write(
  tx: Tx,
  ctx: Ctx,
  before: Account,
  terms: MarginTerms,
  approvalId: Id | null,
  reason: string,
): Promise<void> {
  const [after] = await tx
    .update(accounts)
    .set({
      ...terms,
      ...(approvalId === null ? {} : { marginApprovalId: approvalId }),
      version: before.version + 1,
      updatedAt: ctx.deps.clock.now(),
    })
    .where(eq(accounts.id, before.id))
    .returning();
  await record(tx, ctx, {
    event: ACCOUNT_EVENTS['account.margin_set'],
    resource: { type: 'account', id: before.id },
    subjectUserId: before.userId,
    before,
    after: { ...present(after, 'the account was locked'), reason },
  });
  await publish(tx, ctx, [
    {
      type: 'accounts.margin_set',
      userId: before.userId,
      accountId: before.id,
      customerVisible: true,
      data: { accountId: before.id, ...terms },
    },
  ]);
}
