import { and, eq, type InferSelectModel } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sha256 } from '../../../platform/crypto/keyring.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import type { EventHeaders, ProviderEvent } from './kyc-provider.ts';
import { sessionLock } from './places.ts';
import { providerNamed } from './provider-named.ts';
import { kycProviderEvents, kycProviderSessions } from './schema.ts';

export type ReceivedEvent = InferSelectModel<typeof kycProviderEvents>;

export type SentEvent = {
  readonly provider: string;
  readonly headers: EventHeaders;
  readonly body: Uint8Array;
};

/**
 * Takes an event of a provider, each once. Nothing it says is believed: it has the provider asked about the session
 * it names, and one that names none we know is kept for when we do.
 * @effects a row of `kyc_provider_events`, perhaps `kyc_provider_sessions`; audit `kyc_provider_event.received`;
 *   event `kyc.provider_event_received`
 * @errors not_found (no such provider), kyc_event_signature_invalid, kyc_event_malformed
 */
export async function receiveEvent(ctx: Ctx, sent: SentEvent): Promise<ReceivedEvent> {
  const provider = providerNamed(ctx.deps, sent.provider);
  if (provider === undefined) {
    throw refuse('not_found');
  }
  if (!provider.isSigned(ctx.deps, sent.headers, sent.body)) {
    throw refuseKyc('kyc_event_signature_invalid');
  }
  const event = provider.readEvent(sent.body);
  if (event === undefined) {
    throw refuseKyc('kyc_event_malformed');
  }
  const asProvider: Ctx = { ...ctx, actor: { kind: 'webhook', provider: provider.name }, login: 'engine' };
  return transact(asProvider, 'engine', async (tx) => {
    // Each event once; and whoever opens the session at the same time waits or is waited for.
    await lockExclusive(tx, [
      `kyc_provider_event:${provider.name}:${event.eventId}`,
      sessionLock(provider.name, event.sessionRef),
    ]);
    const [known] = await tx
      .select()
      .from(kycProviderEvents)
      .where(
        and(eq(kycProviderEvents.provider, provider.name), eq(kycProviderEvents.eventId, event.eventId)),
      );
    return known ?? take(tx, asProvider, provider.name, event, sent.body);
  });
}

async function take(
  tx: Tx,
  ctx: Ctx,
  provider: string,
  event: ProviderEvent,
  body: Uint8Array,
): Promise<ReceivedEvent> {
  const [found] = await tx
    .select()
    .from(kycProviderSessions)
    .where(
      and(eq(kycProviderSessions.provider, provider), eq(kycProviderSessions.sessionRef, event.sessionRef)),
    );
  // A session that belongs to another application is not the one that was meant.
  const session = found?.applicationId === event.applicationId ? found : undefined;
  const [row] = await tx
    .insert(kycProviderEvents)
    .values({
      id: newId(),
      provider,
      eventId: event.eventId,
      sessionRef: event.sessionRef,
      type: event.type,
      bodyHash: sha256(body),
      state: session === undefined ? 'kept' : 'taken',
      receivedAt: ctx.deps.clock.realNow(),
    })
    .returning();
  const received = present(row, 'the event was inserted');
  await record(tx, ctx, {
    event: KYC_EVENTS['kyc_provider_event.received'],
    resource: { type: 'kyc_provider_event', id: received.id },
    subjectUserId: session?.userId ?? null,
    after: received,
  });
  if (session !== undefined) {
    await tx
      .update(kycProviderSessions)
      .set({ nextFetchAt: ctx.deps.clock.realNow() })
      .where(eq(kycProviderSessions.id, session.id));
    await publish(tx, ctx, [
      {
        type: 'kyc.provider_event_received',
        userId: session.userId,
        customerVisible: false,
        data: { sessionId: session.id },
      },
    ]);
  }
  return received;
}
