import { and, eq } from 'drizzle-orm';
import { assert, present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { lockOwnDraft } from '../applications/own-application.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import { kycApplications } from '../schema.ts';
import { declarationOf, type KycApplication } from '../store.ts';
import type { ProviderSession, SessionStatus } from './kyc-provider.ts';
import { sessionLock, urlPlace } from './places.ts';
import { chosenProvider } from './provider-named.ts';
import { kycProviderEvents, kycProviderSessions } from './schema.ts';

/** What an applicant needs to go on. */
export type OpenedSession = {
  readonly id: Id;
  readonly provider: string;
  readonly status: SessionStatus;
  readonly url: string;
};

/** How long a session may be silent before it is asked about anyway. @units ms */
export const SILENCE_MS = 15 * 60_000;

/**
 * Sends an applicant to the provider. The provider is called outside any transaction; asked again, it hands out the
 * session there is. Where it does not answer, the application goes on without it.
 * @effects perhaps a row of `kyc_provider_sessions`, `kyc_applications`; audit `kyc_provider_session.opened`
 * @errors not_found, application_not_editable, provider_is_manual, provider_unavailable
 */
export async function openSession(ctx: Ctx, applicationId: Id): Promise<OpenedSession> {
  const declaration = await transact(ctx, 'engine', async (tx) => {
    const application = await lockOwnDraft(tx, ctx, applicationId);
    return present(await declarationOf(tx, ctx, application), 'an applicant is not erased');
  });
  const provider = chosenProvider(ctx.deps);
  if (provider === undefined) {
    throw refuseKyc('provider_is_manual');
  }
  const callback = `${ctx.deps.publicUrl}/`;
  const answer = await provider.createSession(ctx.deps, { applicationId, declaration, callback });
  if (!answer.ok) {
    ctx.deps.log.warn({ provider: provider.name, failure: answer.failure }, 'a session could not be opened');
    const seconds = Math.ceil((answer.retryAfterMs ?? 60_000) / 1_000);
    throw refuseKyc('provider_unavailable', { headers: { 'retry-after': String(seconds) } });
  }
  return transact(ctx, 'engine', async (tx) => {
    const application = await lockOwnDraft(tx, ctx, applicationId);
    return keep(tx, ctx, application, provider.name, answer.value);
  });
}

async function keep(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  provider: string,
  { sessionRef, url, status }: ProviderSession,
): Promise<OpenedSession> {
  await lockExclusive(tx, [sessionLock(provider, sessionRef)]);
  const named = and(
    eq(kycProviderSessions.provider, provider),
    eq(kycProviderSessions.sessionRef, sessionRef),
  );
  const [known] = await tx.select().from(kycProviderSessions).where(named);
  if (known !== undefined) {
    assert(known.applicationId === application.id, 'a provider hands a session to one application');
    return { id: known.id, provider, status: known.status as SessionStatus, url };
  }
  const id = newId();
  const key = await ctx.deps.personKeys.of(tx, application.userId);
  const now = ctx.deps.clock.realNow();
  const waiting = await tx
    .update(kycProviderEvents)
    .set({ state: 'taken' })
    .where(and(eq(kycProviderEvents.provider, provider), eq(kycProviderEvents.sessionRef, sessionRef)))
    .returning({ id: kycProviderEvents.id });
  const [row] = await tx
    .insert(kycProviderSessions)
    .values({
      id,
      applicationId: application.id,
      userId: application.userId,
      provider,
      sessionRef,
      url: sealText(key, urlPlace(id), url),
      status: 'not_started',
      createdAt: ctx.deps.clock.now(),
      // An event may have been faster than the answer that named the session.
      nextFetchAt: waiting.length > 0 ? now : addMs(now, SILENCE_MS),
    })
    .returning();
  if (application.provider !== provider) {
    await tx.update(kycApplications).set({ provider }).where(eq(kycApplications.id, application.id));
  }
  await record(tx, ctx, {
    event: KYC_EVENTS['kyc_provider_session.opened'],
    resource: { type: 'kyc_provider_session', id },
    subjectUserId: application.userId,
    after: present(row, 'the session was inserted'),
  });
  return { id, provider, status, url };
}
