/** What a payment provider says, read from the body it signed; members nobody knows are kept with it. */
import { z } from '@hono/zod-openapi';
import { DECIMAL_PATTERN, parseAmount } from '../../kernel/amount.ts';
import { instantInput } from '../../platform/http/wire.ts';
import { type PayoutNews, readNews } from './providers/payout-word.ts';

const Envelope = z.looseObject({
  id: z.string().regex(/^[\x21-\x7e]{1,128}$/),
  type: z.string().regex(/^[a-z_.]{1,64}$/),
  occurredAt: instantInput,
  data: z.unknown(),
});

const Payment = z.looseObject({
  paymentReference: z.string().max(64),
  providerReference: z.string().regex(/^[\x21-\x7e]{1,128}$/),
  amount: z
    .string()
    .regex(DECIMAL_PATTERN)
    .transform((text) => parseAmount(text)),
  currency: z.string().max(12),
  method: z.string().max(32),
  payerName: z.string().max(140).optional(),
  takenBack: z
    .string()
    .regex(DECIMAL_PATTERN)
    .transform((text) => parseAmount(text))
    .optional(),
  disputeReference: z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/)
    .optional(),
  disputed: z
    .string()
    .regex(DECIMAL_PATTERN)
    .transform((text) => parseAmount(text))
    .optional(),
});

export type PaymentEvent = Pick<z.output<typeof Envelope>, 'id' | 'type' | 'occurredAt'> & {
  /** Undefined where the event is about something else than a payment. */
  readonly payment: z.output<typeof Payment> | undefined;
  /** Undefined where it is about something else than a payout. */
  readonly payout: PayoutNews | undefined;
};

/** @shape undefined where the body is no event at all */
export function readPaymentEvent(body: Uint8Array): PaymentEvent | undefined {
  const envelope = Envelope.safeParse(jsonOf(body));
  if (!envelope.success) {
    return undefined;
  }
  const { data, ...event } = envelope.data;
  return { ...event, payment: Payment.safeParse(data).data, payout: readNews(event.type, data) };
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}
