import { and, eq } from 'drizzle-orm';
import { addDays, dayOf } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuseFunding } from '../errors.ts';
import { bankAccounts } from '../evidence/schema.ts';
import { isCovered } from '../payouts/is-covered.ts';
import { withdrawals } from '../schema.ts';
import { EXECUTION_GRACE_DAYS, HOUSE_REFERENCE } from '../settings.ts';
import { hasSaidPaid } from './said-paid.ts';
import { submissionOf } from './submission-store.ts';

/**
 * Keeps the money of a locked payout from being set free on people's word while its provider may still pay it. One that
 * was never told of it may pay nothing, and is not told any more. Of any other it needs the provider's own refusal; or
 * that the provider, asked days after it was told last, does not know the payment and never said that it paid it; or,
 * where the provider does not still say that it has it, a signed reconciliation that saw the statements of those days
 * without its debit.
 * @errors payout_may_leave
 */
export async function refuseWhileCarried(tx: Tx, ctx: Ctx, withdrawalId: Id): Promise<void> {
  const submission = await submissionOf(tx, withdrawalId);
  if (submission === undefined || submission.sentAt === null) {
    return;
  }
  const { timeZone } = ctx.deps;
  const { said, saidAt, sentAt, provider } = submission;
  const from = dayOf(sentAt, timeZone);
  const until = addDays(from, EXECUTION_GRACE_DAYS);
  // A provider that said that it paid it, of whatever amount, and then does not know it has forgotten it.
  const isForgotten = await hasSaidPaid(tx, withdrawalId, provider);
  if (!isForgotten && said === 'unknown' && saidAt !== null && dayOf(saidAt, timeZone) >= until) {
    return;
  }
  if (said === 'accepted' && submission.failures === 0) {
    throw refuseFunding('payout_may_leave', {
      detail: 'Its provider has it, and still says so: it may pay it on any day.',
    });
  }
  const [account] = await tx
    .select({ id: bankAccounts.id })
    .from(bankAccounts)
    .innerJoin(withdrawals, eq(withdrawals.asset, bankAccounts.currency))
    .where(
      and(
        eq(withdrawals.id, withdrawalId),
        // The firm's own account may bear the same reference: its statements show no payout of a customer.
        eq(bankAccounts.houseRole, 'client_money_bank'),
        eq(bankAccounts.houseReference, HOUSE_REFERENCE),
      ),
    );
  if (account === undefined || !(await isCovered(tx, account.id, from, until))) {
    throw refuseFunding('payout_may_leave', {
      detail:
        `Its provider was told of it on ${from} and did not refuse it. It may pay it unless, asked from ${until} on, it ` +
        'does not know it, or a signed reconciliation saw the statements of those days.',
    });
  }
}
