/**
 * Tells providers of the payouts they carry, and asks them what became of them. It guarantees that a provider is told
 * only of what is `processing` and committed, checked once more just before; that each time, before it is told, it was
 * asked and did not know the payment; and that after an answer nobody understands it is never told again.
 */
import { and, eq, inArray, lte } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { DomainError } from '../../../kernel/error.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import { cancelApprovals, lockOpenApprovals } from '../../../platform/approvals/open-approvals.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow, lockRows } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Job } from '../../../platform/domain.ts';
import { refuseWhileOwing } from '../../ledger/index.ts';
import { refuseFunding } from '../errors.ts';
import { freshenPayouts, refuseUnscreened } from '../freshen-payouts.ts';
import { openTravelRule } from '../kept-travel-rule.ts';
import { lockMoneyPathOf } from '../lock-money-path.ts';
import { lockPayees, refuseUnusable } from '../lock-payees.ts';
import { payoutReferenceOf } from '../payout-reference.ts';
import type { DirectPayout, DirectPayoutProvider, ProviderReply } from '../providers/direct-payouts.ts';
import type { PayoutNews } from '../providers/payout-word.ts';
import { directProviderNamed } from '../providers/registry.ts';
import { withdrawals } from '../schema.ts';
import { refuseIfDebited } from '../statement-debits.ts';
import { destinationOfWithdrawal, type Withdrawal } from '../store.ts';
import { recordStatus } from '../withdrawal-status.ts';
import { SUBMISSION_EVENTS } from './audit.ts';
import { changeOf } from './change-of.ts';
import { isSaidTaken, refuseSaidTaken } from './said-taken.ts';
import { payoutSubmissions } from './schema.ts';
import { changeSubmission, noteSaid, type Submission } from './submission-store.ts';
import { takePayoutAnswer } from './take-news.ts';

/** How many payouts of a provider one run carries on at once, and for how long it takes more. @units ms */
const AT_ONCE = 8;
const SHARE_MS = 60_000;
/** For how long nobody else takes up a payout that one run has: longer than its calls may last. @units ms */
const LEASE_MS = 5 * 60_000;
/** How often a payout under way is asked about. @units ms */
const ASK_AGAIN_MS = 15 * 60_000;
/** How long after each of the first silences in a row; the first of them after whatever else goes wrong anew. @units ms */
const RETRY_MS = [60_000, 240_000] as const;
/**
 * After so many silences in a row a payout the provider may have is called unknown, so that somebody hears of it; after so
 * many calls in a row that it turned away, somebody does.
 */
const FAILURES_MAX = 5;
type Counts = Pick<Submission, 'failures' | 'turnedAway'>;
const NO_FAILURES: Counts = { failures: 0, turnedAway: 0 };
/** What says that a row was changed behind the product's back. */
const TAMPERED: readonly string[] = [
  'approved_request_changed',
  'destination_changed',
  'approval_not_granted',
];

/** Carries on every payout of a provider whose time has come; each provider apart, so that none delays another's. */
export const submitPayoutsJob: Job = {
  name: 'funding.submit-payouts',
  cron: '* * * * *',
  run: async (ctx) => {
    await Promise.all(ctx.deps.payoutProviders.map(({ name }) => carryAll(ctx, name)));
  },
};

/**
 * Those of one provider, as long as it answers most calls and for no longer than until the next run is due, which waits
 * for this one: whoever is silent, or slow, is not waited for round after round.
 */
async function carryAll(ctx: Ctx, name: string): Promise<void> {
  const provider = directProviderNamed(ctx.deps, name);
  if (provider === undefined) {
    return;
  }
  const { realMs } = ctx.deps.clock;
  const startedMs = realMs();
  while (realMs() - startedMs < SHARE_MS) {
    const due = await takeUp(ctx, name);
    const answered = await Promise.all(due.map((submission) => carryOn(ctx, provider, submission)));
    if (answered.filter(Boolean).length * 2 <= due.length) {
      return;
    }
  }
}

/** The provider's next payouts under way, and nobody else's for a while. @effects their `next_at` */
async function takeUp(ctx: Ctx, provider: string): Promise<readonly Submission[]> {
  const { realNow } = ctx.deps.clock;
  return transact(ctx, 'engine', async (tx) => {
    const isDue = lte(payoutSubmissions.nextAt, realNow());
    const found = await tx
      .select({ id: payoutSubmissions.id })
      .from(payoutSubmissions)
      .innerJoin(withdrawals, eq(withdrawals.id, payoutSubmissions.withdrawalId))
      .where(
        and(
          eq(payoutSubmissions.provider, provider),
          inArray(withdrawals.status, ['processing', 'unknown']),
          isDue,
        ),
      )
      .orderBy(payoutSubmissions.nextAt, payoutSubmissions.id)
      .limit(AT_ONCE);
    const ids = found.map(({ id }) => id);
    await lockRows(tx, payoutSubmissions, ids);
    // Another run may have taken some of them up while this one waited for the locks.
    return tx
      .update(payoutSubmissions)
      .set({ nextAt: addMs(realNow(), LEASE_MS) })
      .where(and(inArray(payoutSubmissions.id, ids), isDue))
      .returning();
  });
}

/**
 * What cannot be carried on keeps nothing else from being: it is taken up again when its lease is over.
 * @shape false where the provider was called and said nothing
 */
async function carryOn(ctx: Ctx, provider: DirectPayoutProvider, submission: Submission): Promise<boolean> {
  try {
    return await askAndTell(ctx, provider, submission);
  } catch (error) {
    const failure = error instanceof Error ? error.name : 'unknown';
    ctx.deps.log.error({ id: submission.id, failure }, 'a payout could not be carried on');
    return true;
  }
}

/** @shape false where the provider was called and said nothing */
async function askAndTell(
  ctx: Ctx,
  provider: DirectPayoutProvider,
  submission: Submission,
): Promise<boolean> {
  const { withdrawalId } = submission;
  const said = await provider.ask(ctx.deps, payoutReferenceOf(withdrawalId));
  if ((await takeReply(ctx, submission, said, 'asked')) === 'done') {
    return said.kind === 'word';
  }
  await freshenPayouts(ctx, [withdrawalId]);
  const payout = await beginTelling(ctx, submission);
  if (payout !== null) {
    const answer = await provider.submit(ctx.deps, payout);
    await takeReply(ctx, submission, answer, 'told');
    return answer.kind === 'word';
  }
  return true;
}

/**
 * Everything that let the payout begin, once more: days may lie between where a provider did not answer. What is
 * refused waits, and people can say that it failed. From this commit on the provider may have been told.
 * @shape null where it is not told now
 */
async function beginTelling(ctx: Ctx, asked: Submission): Promise<DirectPayout | null> {
  const { id, withdrawalId } = asked;
  try {
    return await transact(ctx, 'engine', async (tx) => {
      const known = present(
        (await tx.select().from(withdrawals).where(eq(withdrawals.id, withdrawalId)))[0],
        'withdrawals are never deleted',
      );
      await lockMoneyPathOf(tx, known, 'money_out');
      await refuseUnscreened(tx, ctx, [known]);
      await refuseWhileOwing(tx, known.userId);
      const payees = await lockPayees(tx, [known]);
      const { withdrawal, submission } = await lockBoth(tx, id, withdrawalId);
      // Another run may have told it while this one asked, where that outlasts the lease.
      if (!mayBeTold(withdrawal, submission) || submission.tries !== asked.tries) {
        return null;
      }
      const change = await changeOf(tx, ctx, withdrawal);
      if (change !== null) {
        throw refuseFunding(change as 'destination_changed');
      }
      await refuseIfDebited(tx, withdrawal, 'people');
      await refuseSaidTaken(tx, ctx, withdrawal);
      refuseUnusable(ctx, payees);
      const { realNow, now } = ctx.deps.clock;
      await changeSubmission(tx, ctx, submission, { sentAt: now(), nextAt: addMs(realNow(), LEASE_MS) });
      return {
        reference: present(withdrawal.payoutReference, 'a payout that began has its reference'),
        amount: withdrawal.amount,
        currency: withdrawal.asset,
        method: withdrawal.method,
        destination: await destinationOfWithdrawal(tx, ctx, withdrawal),
        travelRule: await openTravelRule(tx, ctx, withdrawal),
      };
    });
  } catch (error) {
    if (!(error instanceof DomainError)) {
      throw error;
    }
    await noteRefusal(ctx, { id, withdrawalId, code: error.code });
    return null;
  }
}

/** Never one of which nobody knows what became, and never one that it said anything of. */
function mayBeTold({ status }: Withdrawal, { said }: Submission): boolean {
  return status === 'processing' && said === null;
}

async function lockBoth(tx: Tx, id: Id, withdrawalId: Id) {
  const withdrawal = present(await lockRow(tx, withdrawals, withdrawalId), 'withdrawals are never deleted');
  const submission = present(await lockRow(tx, payoutSubmissions, id), 'submissions are never deleted');
  return { withdrawal, submission };
}

type Refusal = { readonly id: Id; readonly withdrawalId: Id; readonly code: string };

/** @effects the row; where somebody changed what was approved, once the alarm `payout_submission.refused` */
async function noteRefusal(ctx: Ctx, { id, withdrawalId, code }: Refusal): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const { withdrawal, submission } = await lockBoth(tx, id, withdrawalId);
    const isNew = submission.lastFailure !== code;
    const after = await postpone(tx, ctx, submission, code);
    if (isNew && TAMPERED.includes(code)) {
      await raiseAlarm(tx, ctx, {
        event: SUBMISSION_EVENTS['payout_submission.refused'],
        resource: { type: 'payout_submission', id },
        subjectUserId: withdrawal.userId,
        after,
      });
    }
  });
}

/**
 * What a call brought. @shape `tell`: the provider does not know the payment, and may be told of it
 * @effects as `takePayoutAnswer`; where nobody knows what the call did the alarm and event `withdrawal.unknown`; once
 *   where asking is turned away time and again the alarm `payout_submission.turned_away`
 */
async function takeReply(
  ctx: Ctx,
  { id, withdrawalId }: Submission,
  reply: ProviderReply,
  call: 'asked' | 'told',
): Promise<'tell' | 'done'> {
  return transact(ctx, 'engine', async (tx) => {
    const open = await lockOpenApprovals(tx, withdrawalId);
    const { withdrawal, submission } = await lockBoth(tx, id, withdrawalId);
    const isSilent = reply.kind !== 'word';
    if (!isSilent && reply.word.state !== 'unknown') {
      await takeNews(tx, ctx, submission, { news: reply.word, body: reply.body });
      return 'done';
    }
    const counts = call === 'told' ? submission : countsAfter(submission, reply);
    const isFree = call === 'asked' && !isSilent && mayBeTold(withdrawal, submission);
    // What somebody said of it before is not undone by its not being known now.
    const wasTaken = submission.said === 'accepted' || (isFree && (await isSaidTaken(tx, ctx, withdrawal)));
    if (isFree && !wasTaken) {
      await tx.update(payoutSubmissions).set(NO_FAILURES).where(eq(payoutSubmissions.id, id));
      return 'tell';
    }
    if (!isSilent) {
      await noteSaid(tx, ctx, submission, 'unknown');
    }
    const failure = isSilent ? reply.failure : 'unknown_to_provider';
    const isOutage = submission.sentAt !== null && counts.failures >= FAILURES_MAX;
    const isDoubtful = call === 'told' ? reply.kind !== 'refused' : isOutage || (wasTaken && !isSilent);
    const after = await postpone(tx, ctx, submission, failure, counts);
    if (call === 'asked' && reply.kind === 'refused' && counts.turnedAway === FAILURES_MAX) {
      await raiseAlarm(tx, ctx, {
        event: SUBMISSION_EVENTS['payout_submission.turned_away'],
        resource: { type: 'payout_submission', id },
        subjectUserId: withdrawal.userId,
        after,
      });
    }
    if (isDoubtful && withdrawal.status === 'processing') {
      await cancelApprovals(tx, ctx, open);
      await recordStatus(tx, ctx, withdrawal, { status: 'unknown' }, `The provider: ${failure}`);
    }
    return 'done';
  });
}

/** A call that was turned away says nothing of the payout: however often, it makes nobody doubt. */
function countsAfter({ failures, turnedAway }: Counts, { kind }: ProviderReply): Counts {
  switch (kind) {
    case 'word':
      return NO_FAILURES;
    case 'refused':
      return { failures, turnedAway: turnedAway + 1 };
    case 'unclear':
      return { failures: failures + 1, turnedAway };
  }
}

/** @effects as `takePayoutAnswer`; when it is asked again */
async function takeNews(
  tx: Tx,
  ctx: Ctx,
  { id, withdrawalId, provider }: Submission,
  { news, body }: { readonly news: PayoutNews; readonly body: Uint8Array },
): Promise<void> {
  const { realNow } = ctx.deps.clock;
  await tx
    .update(payoutSubmissions)
    .set({ ...NO_FAILURES, lastFailure: null, nextAt: addMs(realNow(), ASK_AGAIN_MS) })
    .where(eq(payoutSubmissions.id, id));
  // No event of a provider's own has a space in its name.
  const event = { id: `answer ${newId()}`, type: `payout.${news.state}`, occurredAt: realNow() };
  await takePayoutAnswer(tx, ctx, withdrawalId, { provider, event, news, body });
}

/** @effects when it is taken up again, and why not before */
async function postpone(
  tx: Tx,
  ctx: Ctx,
  before: Submission,
  lastFailure: string,
  { failures, turnedAway }: Counts = before,
): Promise<Submission> {
  const times = failures + turnedAway;
  const pauseMs = RETRY_MS[times === 0 && before.lastFailure !== lastFailure ? 0 : times - 1] ?? ASK_AGAIN_MS;
  const [after] = await tx
    .update(payoutSubmissions)
    .set({ failures, turnedAway, lastFailure, nextAt: addMs(ctx.deps.clock.realNow(), pauseMs) })
    .where(eq(payoutSubmissions.id, before.id))
    .returning();
  return present(after, 'submissions are never deleted');
}
