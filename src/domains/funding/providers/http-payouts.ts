/**
 * A provider that speaks the contract of docs/howto/payout-providers.md. It guarantees that only an answer which fits
 * the contract in every respect is a word, that a call which may have done something is never said to have been
 * turned away, and that nothing of a call stands in a log.
 */
import { formatAmount } from '../../../kernel/amount.ts';
import type { Deps } from '../../../platform/context.ts';
import { type OutboundAnswer, type OutboundFailure, outbound } from '../../../platform/http/outbound.ts';
import type { PayoutProviderSettings } from '../../../platform/http/payout-providers.ts';
import { type PaymentProvider, signPayment } from '../payment-providers.ts';
import type { DirectPayout, DirectPayoutProvider, ProviderReply } from './direct-payouts.ts';
import { readAnswer } from './payout-word.ts';

const ANSWER_BYTES = 64 * 1024;
const TIMEOUT_MS = 20_000;

/** Nothing was sent: no address was found or allowed, or nobody took the connection. */
const NOT_SENT: readonly OutboundFailure[] = ['bad_url', 'name', 'refused_address', 'connect'];
/** By the contract nothing is taken with these. */
const TURNED_AWAY: readonly number[] = [401, 403, 429];

/** The provider with an operator's settings and its secrets. */
export function httpPayouts(
  { name, url }: PayoutProviderSettings,
  provider: PaymentProvider,
): DirectPayoutProvider {
  const call = async (deps: Deps, method: 'GET' | 'POST', reference: string, path: string, body: string) => {
    const { pathname } = new URL(`${url}${path}`);
    const timestamp = String(Math.floor(deps.clock.realMs() / 1_000));
    const signed = Buffer.from(`${method} ${pathname}\n${body}`);
    const answer = await outbound(deps, {
      url: `${url}${path}`,
      method,
      headers: {
        accept: 'application/json',
        'webhook-timestamp': timestamp,
        'webhook-signature': signPayment(provider, timestamp, signed),
        ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      },
      ...(method === 'POST' ? { body } : {}),
      timeoutMs: TIMEOUT_MS,
      maxBytes: ANSWER_BYTES,
      allow: 'loopback_in_sandbox',
      expectTypes: ['application/json'],
    });
    return readReply(answer, reference);
  };
  return {
    name,
    submit: (deps, payout) => call(deps, 'POST', payout.reference, '/payouts', JSON.stringify(wired(payout))),
    ask: (deps, reference) => call(deps, 'GET', reference, `/payouts/${reference}`, ''),
  };
}

function wired({ amount, travelRule, ...payout }: DirectPayout) {
  return { ...payout, amount: formatAmount(amount), ...(travelRule === null ? {} : { travelRule }) };
}

/** What an answer to a call about this payout is. */
export function readReply(answer: OutboundAnswer, reference: string): ProviderReply {
  if (!answer.ok) {
    const { failure } = answer;
    return { kind: NOT_SENT.includes(failure) ? 'refused' : 'unclear', failure };
  }
  const { status, body } = answer;
  if (TURNED_AWAY.includes(status)) {
    return { kind: 'refused', failure: `status_${status}` };
  }
  if (status !== 200) {
    return { kind: 'unclear', failure: `status_${status}` };
  }
  const word = readAnswer(body);
  return word?.reference === reference
    ? { kind: 'word', word, body }
    : { kind: 'unclear', failure: word === undefined ? 'malformed' : 'other_reference' };
}
