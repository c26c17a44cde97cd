import { present } from '../../../kernel/assert.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Consumer, DeliveredEvent } from '../../../platform/outbox/consumer.ts';
import { KYC_EVENTS } from '../audit.ts';
import { type RatingCause, rateCustomer } from './rate-customer.ts';
import { kycRiskSignals } from './schema.ts';

type Signal = Pick<typeof kycRiskSignals.$inferInsert, 'kind' | 'points'>;

/** The most one alert adds, so that no single mistake of a rule rates somebody for a year. */
const SIGNAL_POINTS_MAX = 1_000;

/** Rates a person whenever something a rating looks at has changed. */
export const rateOnChange: Consumer = {
  name: 'kyc.rate_on_change',
  types: [
    'kyc.application_submitted',
    'kyc.application_decided',
    'kyc.application_withdrawn',
    'kyc.provider_decided',
    'identity.profile_changed',
    'aml.alert_closed',
    'aml.pep_found',
    'aml.suspicion_recorded',
    'aml.customer_frozen',
    'aml.customer_lifted',
  ],
  handle: async (ctx, event) => {
    // Of some things that are told nobody is the subject.
    if (event.userId !== null) {
      await rateAfter(ctx, event);
    }
  },
};

async function rateAfter(ctx: Ctx, event: DeliveredEvent): Promise<void> {
  const userId = present(event.userId, 'the event is about a person');
  const approved = event.type === 'kyc.application_decided' && event.data.status === 'approved';
  await transact(ctx, 'engine', async (tx) => {
    const signal = signalOf(event);
    if (signal !== undefined) {
      const values = { id: event.id, userId, ...signal, at: event.occurredAt };
      const [noted] = await tx.insert(kycRiskSignals).values(values).onConflictDoNothing().returning();
      if (noted !== undefined) {
        await record(tx, ctx, {
          event: KYC_EVENTS['kyc_risk.signal_noted'],
          resource: { type: 'kyc_risk_signal', id: noted.id },
          subjectUserId: userId,
          after: noted,
        });
      }
    }
    await rateCustomer(tx, ctx, userId, {
      cause: causeOf(event.type),
      ...(approved ? { reviewed: true } : {}),
    });
  });
}

function causeOf(type: string): RatingCause {
  if (type === 'identity.profile_changed') {
    return 'profile';
  }
  return type.startsWith('kyc.') ? 'application' : 'signal';
}

/** What an event says of a person that a rating has to remember; an alert that was a mistake says nothing. */
function signalOf({ type, data }: DeliveredEvent): Signal | undefined {
  switch (type) {
    case 'aml.pep_found':
      return { kind: 'pep_found', points: 0 };
    case 'aml.suspicion_recorded':
      return { kind: 'suspicion', points: 0 };
    case 'aml.alert_closed':
      if (data.disposition === 'false_positive') {
        return undefined;
      }
      return data.kind === 'adverse_media' && data.disposition === 'true_match'
        ? { kind: 'adverse_media', points: pointsOf(data.points) }
        : { kind: 'behaviour', points: pointsOf(data.points) };
    default:
      return undefined;
  }
}

function pointsOf(said: unknown): number {
  return typeof said === 'number' && Number.isSafeInteger(said) && said > 0
    ? Math.min(said, SIGNAL_POINTS_MAX)
    : 0;
}
