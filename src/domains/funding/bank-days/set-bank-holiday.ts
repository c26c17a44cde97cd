import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { requireAsset } from '../../ledger/index.ts';
import { refuseFunding } from '../errors.ts';
import { TERM_ROLES } from '../propose-funding-limit.ts';
import { BANK_DAY_EVENTS } from './audit.ts';
import { bankHolidays } from './schema.ts';

const SET = 'bank_holiday.set';

type Decision = {
  readonly currency: string;
  /** @units YYYY-MM-DD */
  readonly day: string;
  readonly name: string;
  readonly observed: boolean;
};

/**
 * Asks that banks do, or do not, settle a currency on a day: money settles sooner or later by it, so that another person
 * decides. Deposits that are credited already keep their day.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors unknown_asset, bank_holiday_not_fiat
 */
export async function proposeBankHoliday(
  ctx: Ctx,
  { reason, ...decision }: Decision & { readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const { kind } = await requireAsset(tx, decision.currency);
    if (kind !== 'fiat') {
      throw refuseFunding('bank_holiday_not_fiat');
    }
    return requestApproval(tx, ctx, {
      action: SET,
      subjectType: 'bank_holiday',
      subjectId: newId(),
      subjectUserId: null,
      payload: decision,
      quorum: 1,
      checkerRoles: TERM_ROLES,
      reason,
    });
  });
}

/** What the vote on a bank holiday does. */
export const bankHolidayChange: ApprovalAction = {
  action: SET,
  execute: async (ctx, { approvalId, subjectId, payload }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { currency, day, name, observed } = payload as Decision;
    // The order of the rows is that of the votes: each one is younger than what it replaces.
    await lockExclusive(tx, [`${SET}:${currency}:${day}`]);
    const [row] = await tx
      .insert(bankHolidays)
      .values({ id: newId(), currency, day, name, observed, approvalId, createdAt: ctx.deps.clock.now() })
      .returning();
    await record(tx, ctx, {
      event: BANK_DAY_EVENTS['bank_holiday.set'],
      resource: { type: 'bank_holiday', id: subjectId },
      subjectUserId: null,
      after: present(row, 'the day was written'),
    });
  },
};
