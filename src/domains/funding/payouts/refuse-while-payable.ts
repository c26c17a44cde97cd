import { addDays, dayOf } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuseFunding } from '../errors.ts';
import { bankAccountOfPayout } from '../payout-accounts.ts';
import { EXECUTION_GRACE_DAYS } from '../settings.ts';
import { refuseWhileCarried } from '../submissions/refuse-while-carried.ts';
import { lastDownloadOf, standingFileOf } from './file-history.ts';
import { isCovered } from './is-covered.ts';

/**
 * Keeps the money of a locked payout from being set free on people's word while its file may still have the bank pay
 * it: it would be paid twice. What was handed out is freed by the bank's own refusal, or once a signed reconciliation
 * saw the account's statements of the days on which it could have been paid, without its debit. A file that was
 * never handed out is given up instead until its day has passed. Of what a provider carries `refuseWhileCarried` says it.
 * @errors payout_may_leave
 */
export async function refuseWhilePayable(tx: Tx, ctx: Ctx, paymentId: Id): Promise<void> {
  const file = await standingFileOf(tx, paymentId);
  if (file === undefined) {
    await refuseWhileCarried(tx, ctx, paymentId);
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
