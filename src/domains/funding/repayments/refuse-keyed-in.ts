import { and, eq, sql } from 'drizzle-orm';
import { addDays, dayOf } from '../../../kernel/business-date.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { lastBankDay } from '../bank-days/settlement-day.ts';
import { refuseFunding } from '../errors.ts';
import { bankAccounts } from '../evidence/schema.ts';
import { isCovered } from '../payouts/is-covered.ts';
import { namelessDebit } from '../payouts/nameless-debit.ts';
import { EXECUTION_GRACE_DAYS } from '../settings.ts';
import { wasHandedOut } from './handed-out.ts';
import type { Repayment } from './repayment-status.ts';

/**
 * What is paid by hand may be on its way since it was to be, and no file tells: only once a signed reconciliation saw
 * the statements of its account from then on, days more, and until yesterday, without its debit, is it known that nobody
 * paid it. Until yesterday, since nobody says on which day it is keyed in.
 * @errors payout_on_statement, payout_may_leave
 */
export async function refuseWhileKeyedIn(tx: Tx, ctx: Ctx, row: Repayment): Promise<void> {
  await refuseWhileNameless(tx, row);
  const { clock, timeZone } = ctx.deps;
  const [agreed] =
    row.resolutionId === null
      ? []
      : await tx
          .select({ at: approvals.executedAt })
          .from(approvals)
          .where(eq(approvals.id, row.resolutionId));
  const [account] = await tx
    .select({ id: bankAccounts.id })
    .from(bankAccounts)
    .where(
      and(
        eq(bankAccounts.currency, row.asset),
        eq(bankAccounts.houseRole, 'client_money_bank'),
        sql`${bankAccounts.houseReference} = (select w.house_reference from wallets w
          where w.id = ${row.walletId} and w.house_role = 'client_money_bank')`,
      ),
    );
  const since = dayOf(agreed?.at ?? row.createdAt, timeZone);
  const grace = addDays(since, EXECUTION_GRACE_DAYS);
  const yesterday = addDays(dayOf(clock.now(), timeZone), -1);
  // Of days on which no bank works there is no statement, and nothing leaves on them.
  const until = grace > yesterday ? grace : await lastBankDay(tx, row.asset, yesterday);
  if (account === undefined || !(await isCovered(tx, account.id, since, until))) {
    const detail =
      `It may have been paid by hand, and no signed reconciliation saw the statements of its account from ${since} ` +
      `to ${until}.`;
    throw refuseFunding('payout_may_leave', { detail });
  }
}

/** Who keys a payment in may leave its reference out: a debit of its amount that names nothing may be it. */
async function refuseWhileNameless(tx: Tx, { walletId, amount }: Repayment): Promise<void> {
  const open = await namelessDebit(tx, { walletId, amount });
  if (open !== undefined) {
    const detail = `Explain debit ${open} first: it is of the same amount and names nothing, and may be it.`;
    throw refuseFunding('payout_on_statement', { detail });
  }
}

/**
 * Whether a repayment of which nobody knows what became may have been paid past a file: no file that was handed out
 * tells of it, or people decided on it since it was first in one.
 */
export async function mayBeKeyedIn(tx: Tx, row: Repayment): Promise<boolean> {
  return row.status === 'unknown' && (row.resolutionId !== null || !(await wasHandedOut(tx, row)));
}
