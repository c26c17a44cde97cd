/** What a vendor's answer is: what it says, or how the call failed, told from what is about the one question. Pure. */
import type { OutboundAnswer } from '../../../platform/http/outbound.ts';
import type { VendorFailure } from './vendor.ts';

const MINUTE_MS = 60_000;
/** No longer than this is a vendor left alone, whatever it asks for. @units ms */
const RETRY_AFTER_MAX_MS = 6 * 3_600_000;

/** `retryAfterMs`: how long the vendor asks to be left alone. */
export type FailedCall = {
  readonly ok: false;
  readonly failure: VendorFailure;
  readonly retryAfterMs?: number;
};

/** What went wrong with a call; null where it was answered with 200. */
export function failureOf(answer: OutboundAnswer): FailedCall | null {
  if (!answer.ok) {
    const theirs = answer.failure === 'unexpected_type' || answer.failure === 'too_large';
    return { ok: false, failure: theirs ? 'malformed' : 'unavailable' };
  }
  const { status, headers } = answer;
  if (status === 429 || (status === 503 && headers.has('retry-after'))) {
    return { ok: false, failure: 'busy', retryAfterMs: retryAfterOf(headers) };
  }
  if (status >= 500 || status === 408) {
    return { ok: false, failure: 'unavailable' };
  }
  if (status === 401 || status === 402 || status === 403 || status === 404) {
    return { ok: false, failure: 'unauthorised' };
  }
  return status === 200 ? null : { ok: false, failure: 'refused' };
}

/** What an answer says as JSON; undefined where it is none. */
export function jsonOf(answer: OutboundAnswer): unknown {
  try {
    return answer.ok ? JSON.parse(Buffer.from(answer.body).toString('utf8')) : undefined;
  } catch {
    return undefined;
  }
}

/** Only seconds are read; a date or nonsense is a minute. */
function retryAfterOf(headers: Headers): number {
  const said = headers.get('retry-after')?.trim() ?? '';
  return /^\d{1,6}$/.test(said)
    ? Math.min(RETRY_AFTER_MAX_MS, Math.max(1, Number.parseInt(said, 10)) * 1_000)
    : MINUTE_MS;
}
