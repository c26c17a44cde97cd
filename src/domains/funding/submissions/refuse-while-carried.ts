import { eq } from 'drizzle-orm';
import { addDays, dayOf } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuseFunding } from '../errors.ts';
import { directProviderNamed } from '../providers/registry.ts';
import { withdrawals } from '../schema.ts';
import type { Withdrawal } from '../store.ts';
import { saidTaken } from './said-taken.ts';
import { isSeenUnpaid, showsUntil } from './seen-unpaid.ts';
import { type Submission, submissionOf } from './submission-store.ts';

/**
 * Keeps the money of a locked payout from being set free on people's word while a provider may have paid it, or still
 * may. One that none was told of, and none said that it has, may be paid by nobody, and is not told any more. Any other
 * needs the provider's own refusal; or that the provider, asked days after it was told last, does not know what it never
 * said that it had; or, where it does not still say that it has it, that a signed reconciliation saw those days without
 * its payment.
 * @errors payout_may_leave
 */
export async function refuseWhileCarried(tx: Tx, ctx: Ctx, paymentId: Id): Promise<void> {
  const [withdrawal] = await tx.select().from(withdrawals).where(eq(withdrawals.id, paymentId));
  if (withdrawal === undefined) {
    return;
  }
  const submission = await submissionOf(tx, withdrawal.id);
  const { sentAt = null, acceptedAt = null } = submission ?? {};
  const taken = await saidTaken(tx, ctx, withdrawal);
  if (sentAt === null && taken === undefined) {
    return;
  }
  const until = showsUntil(ctx, withdrawal, [sentAt, acceptedAt, taken?.last]);
  // Whoever said that it has it, or paid it, and then does not know it has forgotten it.
  const isForgotten = taken !== undefined;
  if (submission !== undefined && !isForgotten && saidUnknownFrom(ctx, submission, until)) {
    return;
  }
  if (submission !== undefined && stillHas(ctx, submission)) {
    throw refuseFunding('payout_may_leave', {
      detail: 'Its provider has it, and still says so: it may pay it on any day.',
    });
  }
  const from = paidFrom(withdrawal, submission, taken?.first);
  if (!(await isSeenUnpaid(tx, ctx, withdrawal, { from, until }))) {
    throw refuseFunding('payout_may_leave', {
      detail:
        'A provider may have paid it, and did not refuse it. It may unless, asked from ' +
        `${until} on, it does not know what it never said that it had or paid, or a signed reconciliation saw the days ` +
        `until ${until} without its payment, and no open debit of its amount names nothing.`,
    });
  }
}

/**
 * Nobody can have paid it before it was begun, unless one spoke of it before: a restore lost what was begun then. Events
 * are received by the real clock, as ids are made.
 */
function paidFrom(
  { createdAt }: Withdrawal,
  submission: Submission | undefined,
  first: Id | undefined,
): Instant {
  const isBegunFirst = submission !== undefined && (first === undefined || submission.id < first);
  return isBegunFirst ? submission.createdAt : createdAt;
}

function saidUnknownFrom({ deps: { timeZone } }: Ctx, { said, saidAt }: Submission, day: string): boolean {
  return said === 'unknown' && saidAt !== null && dayOf(saidAt, timeZone) >= day;
}

/** What nobody asks any more, or answers, it does not still say. */
function stillHas({ deps }: Ctx, { said, saidAt, failures, turnedAway, provider }: Submission): boolean {
  const yesterday = addDays(dayOf(deps.clock.now(), deps.timeZone), -1);
  return (
    said === 'accepted' &&
    failures === 0 &&
    turnedAway === 0 &&
    saidAt !== null &&
    dayOf(saidAt, deps.timeZone) >= yesterday &&
    directProviderNamed(deps, provider) !== undefined
  );
}
