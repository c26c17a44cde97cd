import { and, asc, eq, gt, isNotNull, lte } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sha256 } from '../../../platform/crypto/keyring.ts';
import { sealJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Job } from '../../../platform/domain.ts';
import type { Consumer } from '../../../platform/outbox/consumer.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { lockGateExclusively } from '../../identity/index.ts';
import { addApplicationStep } from '../applications/application-events.ts';
import { KYC_EVENTS } from '../audit.ts';
import { openReview } from '../reviews/open-review.ts';
import { kycApplications } from '../schema.ts';
import { declarationOf, type KycApplication } from '../store.ts';
import { copyImages } from './copy-images.ts';
import { findingsOf } from './findings.ts';
import type { ProviderAnswer, ProviderDecision, SessionStatus } from './kyc-provider.ts';
import { SILENCE_MS } from './open-session.ts';
import { decisionPlace } from './places.ts';
import { providerNamed } from './provider-named.ts';
import { kycProviderImages, kycProviderSessions } from './schema.ts';
import { isFinal, isOver, mayBecome } from './session-rank.ts';
import { sortedJson } from './sorted-json.ts';

export type Session = typeof kycProviderSessions.$inferSelect;

/** How long until the next try after each failure in a row; the last one from then on. @units ms */
const RETRY_MS = [60_000, 240_000, 900_000, 3_600_000] as const;
/** How soon a picture is tried again, with an address that is new. @units ms */
const IMAGE_RETRY_MS = 5 * 60_000;
/** How soon somebody has to look at a customer of whom the provider thinks worse now. @units ms */
const CONTRADICTION_MS = 7 * 86_400_000;
const BATCH = 100;

/** Asks about a session as soon as an event names it. */
export const fetchOnEvent: Consumer = {
  name: 'kyc.fetch_on_event',
  types: ['kyc.provider_event_received'],
  handle: async (ctx, { data }) => fetchSession(ctx, data.sessionId as Id),
};

/** Asks about every session whose time has come: what failed, and what was silent for long. */
export const fetchDecisionsJob: Job = { name: 'kyc.fetch-decisions', cron: '* * * * *', run: fetchDue };

/** @errors the first failure, once everybody else was asked about */
async function fetchDue(ctx: Ctx): Promise<void> {
  const failures: unknown[] = [];
  let after: Id | null = null;
  for (;;) {
    const from: Id | null = after;
    const due: readonly { readonly id: Id }[] = await transact(ctx, 'engine', (tx) =>
      tx
        .select({ id: kycProviderSessions.id })
        .from(kycProviderSessions)
        .where(
          and(
            isNotNull(kycProviderSessions.nextFetchAt),
            lte(kycProviderSessions.nextFetchAt, ctx.deps.clock.realNow()),
            from === null ? undefined : gt(kycProviderSessions.id, from),
          ),
        )
        .orderBy(asc(kycProviderSessions.id))
        .limit(BATCH),
    );
    for (const { id } of due) {
      await fetchSession(ctx, id).catch((error: unknown) => failures.push(error));
    }
    after = due.at(-1)?.id ?? null;
    if (due.length < BATCH) {
      break;
    }
  }
  if (failures.length > 0) {
    const [cause] = failures;
    throw cause instanceof Error ? cause : new Error('a session could not be asked about', { cause });
  }
}

/**
 * Asks the provider what became of a session and keeps it. What it says is evidence: it neither approves nor
 * rejects, and what comes late takes back nothing. A provider that does not answer is asked again later.
 * @effects `kyc_provider_sessions`, rows of `kyc_provider_images` and `kyc_application_events`, copies of pictures,
 *   perhaps a review; audit `kyc_provider_session.changed`; event `kyc.provider_decided`
 */
export async function fetchSession(ctx: Ctx, sessionId: Id): Promise<void> {
  const session = await transact(ctx, 'engine', async (tx) => {
    const [row] = await tx.select().from(kycProviderSessions).where(eq(kycProviderSessions.id, sessionId));
    return row;
  });
  const provider = session === undefined ? undefined : providerNamed(ctx.deps, session.provider);
  if (session === undefined || provider === undefined || session.nextFetchAt === null) {
    return;
  }
  const answer = await provider.fetchDecision(ctx.deps, session.sessionRef);
  await transact(ctx, 'engine', async (tx) => {
    await lockGateExclusively(tx, session.userId);
    const application = present(
      await lockRow(tx, kycApplications, session.applicationId),
      'applications are never deleted',
    );
    const before = present(await lockRow(tx, kycProviderSessions, sessionId), 'sessions are never deleted');
    const seen = { asked: session, before };
    await (answer.ok && isOf(before, answer.value)
      ? take(tx, ctx, application, seen, answer.value)
      : postpone(tx, ctx, seen, answer));
  });
  if (answer.ok && isOf(session, answer.value)) {
    const waiting = await copyImages(ctx, session, answer.value.images);
    await settleTime(ctx, sessionId, waiting);
  }
}

/** A session as it was when the provider was asked, and as it is now that the answer is here. */
type Seen = { readonly asked: Session; readonly before: Session };

/** What somebody set meanwhile stands: an event that came while the answer was on its way has it asked again. */
function nextTime({ asked, before }: Seen, wanted: Instant | null): Instant | null {
  return before.nextFetchAt === asked.nextFetchAt ? wanted : before.nextFetchAt;
}

/** An answer about somebody else's application is no answer. */
function isOf(session: Session, decision: ProviderDecision): boolean {
  return (decision.applicationId ?? session.applicationId) === session.applicationId;
}

async function postpone(
  tx: Tx,
  ctx: Ctx,
  seen: Seen,
  answer: ProviderAnswer<ProviderDecision>,
): Promise<void> {
  const { before } = seen;
  const failure = answer.ok ? 'of_another' : answer.failure;
  const limited = failure === 'rate_limited';
  const failures = limited ? before.failures : before.failures + 1;
  const pause = RETRY_MS[Math.min(failures, RETRY_MS.length) - 1] ?? RETRY_MS[0];
  const asked = answer.ok ? 0 : (answer.retryAfterMs ?? 0);
  const wait = limited ? Math.max(1_000, asked) : Math.max(pause, asked);
  await tx
    .update(kycProviderSessions)
    .set({ failures, nextFetchAt: nextTime(seen, addMs(ctx.deps.clock.realNow(), wait)) })
    .where(eq(kycProviderSessions.id, before.id));
  ctx.deps.log.warn({ provider: before.provider, failure }, 'a session could not be asked about');
}

async function take(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  seen: Seen,
  decision: ProviderDecision,
): Promise<void> {
  const { asked, before } = seen;
  const now = ctx.deps.clock.realNow();
  const decisionHash = sha256(sortedJson(decision.answer));
  const from = before.status as SessionStatus;
  const kept = { fetchedAt: now, failures: 0 };
  const nextFetchAt = nextFetch(decision.status, now);
  const isNews =
    before.decisionHash === null || !Buffer.from(before.decisionHash).equals(Buffer.from(decisionHash));
  const key = await ctx.deps.personKeys.find(tx, before.userId);
  if (isNews && before.version !== asked.version) {
    // Another answer was kept meanwhile, and nothing says which of them is the newer one.
    await setTime(tx, before.id, key === undefined ? null : now);
    return;
  }
  if (!isNews || !mayBecome(from, decision.status) || key === undefined) {
    const isDone = isFinal(from) || key === undefined;
    await tx
      .update(kycProviderSessions)
      .set({ ...kept, nextFetchAt: nextTime(seen, isDone ? null : nextFetchAt) })
      .where(eq(kycProviderSessions.id, before.id));
    return;
  }
  const declared = await declarationOf(tx, ctx, application);
  const [row] = await tx
    .update(kycProviderSessions)
    .set({
      ...kept,
      nextFetchAt: nextTime(seen, nextFetchAt),
      status: decision.status,
      decision: sealJson(key, decisionPlace(before.id), decision.answer),
      decisionHash,
      findings: findingsOf(decision, declared, ctx.deps.clock.now()),
      version: before.version + 1,
    })
    .where(eq(kycProviderSessions.id, before.id))
    .returning();
  const after = present(row, 'the session was locked');
  await noteImages(tx, ctx, after, decision);
  await record(tx, ctx, {
    event: KYC_EVENTS['kyc_provider_session.changed'],
    resource: { type: 'kyc_provider_session', id: after.id },
    subjectUserId: after.userId,
    before,
    after,
  });
  if (from !== decision.status) {
    await tell(tx, ctx, application, after, decision.status);
  }
}

async function tell(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  session: Session,
  status: SessionStatus,
): Promise<void> {
  await addApplicationStep(tx, ctx, application, { type: 'provider', detail: { status } });
  if (isFinal(status)) {
    await publish(tx, ctx, [
      {
        type: 'kyc.provider_decided',
        userId: session.userId,
        customerVisible: false,
        data: { sessionId: session.id, applicationId: application.id, status },
      },
    ]);
  }
  if (application.status === 'approved' && status === 'declined') {
    await openReview(tx, ctx, {
      userId: session.userId,
      kind: 'provider_contradicts',
      referenceId: session.id,
      dueAt: addMs(ctx.deps.clock.now(), CONTRADICTION_MS),
    });
  }
}

function nextFetch(status: SessionStatus, now: Instant): Instant | null {
  return isOver(status) ? null : addMs(now, SILENCE_MS);
}

async function noteImages(tx: Tx, ctx: Ctx, session: Session, decision: ProviderDecision): Promise<void> {
  const known = new Set(
    (
      await tx
        .select({ name: kycProviderImages.name })
        .from(kycProviderImages)
        .where(eq(kycProviderImages.sessionId, session.id))
    ).map(({ name }) => name),
  );
  const fresh = decision.images
    .filter(({ name }) => !known.has(name))
    .map(({ name }) => ({
      id: newId(),
      sessionId: session.id,
      userId: session.userId,
      name,
      status: 'waiting',
      attempts: 0,
      createdAt: ctx.deps.clock.now(),
    }));
  if (fresh.length > 0) {
    await insertRows(tx, kycProviderImages, fresh);
  }
}

/** Pictures that are still waiting need a new address, which only asking again gives. */
async function settleTime(ctx: Ctx, sessionId: Id, waiting: number): Promise<void> {
  if (waiting === 0) {
    return;
  }
  await transact(ctx, 'engine', async (tx) => {
    const session = present(await lockRow(tx, kycProviderSessions, sessionId), 'sessions are never deleted');
    const retryAt = addMs(ctx.deps.clock.realNow(), IMAGE_RETRY_MS);
    const isSooner = session.nextFetchAt !== null && session.nextFetchAt < retryAt;
    await setTime(tx, sessionId, isSooner ? session.nextFetchAt : retryAt);
  });
}

async function setTime(tx: Tx, sessionId: Id, nextFetchAt: Instant | null): Promise<void> {
  await tx.update(kycProviderSessions).set({ nextFetchAt }).where(eq(kycProviderSessions.id, sessionId));
}
