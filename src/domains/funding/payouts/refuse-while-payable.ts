import { sql } from 'drizzle-orm';
import { addDays, dayOf } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuseFunding } from '../errors.ts';
import { bankAccountOfPayout } from '../payout-accounts.ts';
import { EXECUTION_GRACE_DAYS } from '../settings.ts';
import { lastDownloadOf, standingFileOf } from './file-history.ts';

/**
 * Keeps the money of a locked payout from being set free on people's word while its file may still have the bank pay
 * it: it would be paid twice. What was handed out is freed by the bank's own refusal, or once a signed reconciliation
 * saw the account's statements of the days on which it could have been paid, without its debit. A file that was
 * never handed out is given up instead until its day has passed.
 * @errors payout_may_leave
 */
export async function refuseWhilePayable(tx: Tx, ctx: Ctx, paymentId: Id): Promise<void> {
  const file = await standingFileOf(tx, paymentId);
  if (file === undefined) {
    return;
  }
  const { clock, timeZone } = ctx.deps;
  const downloadedAt = await lastDownloadOf(tx, file.id);
  if (downloadedAt === undefined) {
    if (file.executionDate >= dayOf(clock.now(), timeZone)) {
      throw refuseFunding('payout_may_leave', { detail: 'The file can still be fetched: void it instead.' });
    }
    return;
  }
  const handedOut = dayOf(downloadedAt, timeZone);
  const paysOn = handedOut > file.executionDate ? handedOut : file.executionDate;
  const account = await bankAccountOfPayout(tx, paymentId);
  if (account === undefined) {
    throw refuseFunding('payout_may_leave', {
      detail:
        'The bank refused it in no report, and statements of the account its file is paid from are not expected: ' +
        'add that account to the bank accounts first.',
    });
  }
  const until = addDays(paysOn, EXECUTION_GRACE_DAYS);
  if (!(await isCovered(tx, account.id, paysOn, until))) {
    throw refuseFunding('payout_may_leave', {
      detail:
        `The bank refused it in no report, and no signed reconciliation saw the statements of its account from ` +
        `${paysOn} to ${until}.`,
    });
  }
}

/** Statements follow on each other without a gap: one that closes later covers every day since the first. */
export async function isCovered(tx: Tx, accountId: Id, paysOn: string, until: string): Promise<boolean> {
  const rows = await tx.execute(sql`
    select 1 from bank_statements t join bank_statement_bookings b on b.statement_id = t.id
    where t.bank_account_id = ${accountId} and t.standing = 'confirmed'
      and t.closing_date >= ${until}
      and exists (
        select 1 from bank_statements e
        where e.bank_account_id = t.bank_account_id and e.standing = 'confirmed' and e.closing_date <= ${paysOn})
      and exists (
        select 1 from reconciliation_sign_offs s join reconciliation_runs r on r.id = s.run_id
        where r.business_date >= t.closing_date and r.completed_at >= b.booked_at)
    limit 1`);
  return rows.length > 0;
}
