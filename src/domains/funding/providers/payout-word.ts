/** What a provider says of one payout, in an answer or in a signed event; members nobody knows are left alone. */
import { z } from '@hono/zod-openapi';
import { type Amount, DECIMAL_PATTERN, parseAmount } from '../../../kernel/amount.ts';

/** Of a payout that it has, or had: it goes on with it, it paid it, or it never pays it. */
const NEWS = ['accepted', 'paid', 'rejected'] as const;

/** `unknown`: it does not know the reference, which is no promise that it will not. */
const PAYOUT_STATES = [...NEWS, 'unknown'] as const;

const Told = z.looseObject({
  reference: z.string().max(64),
  amount: z
    .string()
    .regex(DECIMAL_PATTERN)
    .transform((text) => parseAmount(text)),
  currency: z.string().max(12),
  providerReference: z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/)
    .optional(),
});

const State = z.looseObject({ reference: z.string().max(64), state: z.enum(PAYOUT_STATES) });

/** What it says of a payout that it has, or had. */
export type PayoutNews = {
  readonly reference: string;
  readonly state: (typeof NEWS)[number];
  readonly amount: Amount;
  readonly currency: string;
  /** What it calls the payment, where it says. */
  readonly providerReference: string | null;
};

export type PayoutWord = PayoutNews | { readonly reference: string; readonly state: 'unknown' };

/** The body of an answer; undefined where it does not fit the contract in every respect. */
export function readAnswer(body: Uint8Array): PayoutWord | undefined {
  const said = jsonOf(body);
  const named = State.safeParse(said).data;
  if (named === undefined) {
    return undefined;
  }
  const { reference, state } = named;
  return state === 'unknown' ? { reference, state } : readNews(`payout.${state}`, said);
}

/** What an event tells of a payout; undefined where it tells of none. */
export function readNews(type: string, data: unknown): PayoutNews | undefined {
  const state = NEWS.find((one) => type === `payout.${one}`);
  const told = Told.safeParse(data).data;
  if (state === undefined || told === undefined) {
    return undefined;
  }
  const { reference, amount, currency, providerReference } = told;
  return { reference, amount, currency, providerReference: providerReference ?? null, state };
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}
