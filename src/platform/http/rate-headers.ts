/**
 * What a client is told of its limit: the policy it is counted under and where it stands, as structured
 * fields, and when to come back.
 * @source draft-ietf-httpapi-ratelimit-headers-11, RFC 9651
 */
import type { Standing } from './rate-limiter.ts';
import { refuse } from './refuse.ts';

/** Sets the two fields every answer of an operation carries. */
export function setRateHeaders(headers: Headers, { policy, remaining, resetSeconds }: Standing): void {
  headers.set('ratelimit-policy', policy.field);
  headers.set('ratelimit', `"${policy.name}";r=${remaining};t=${resetSeconds}`);
}

/** @errors rate_limited with `Retry-After` */
export function requireTokens({ policy, retryAfterSeconds }: Standing): void {
  if (retryAfterSeconds > 0) {
    throw refuse('rate_limited', {
      detail: `At most ${policy.quota} requests in ${policy.windowSeconds} seconds are counted as ${policy.name} here.`,
      headers: { 'retry-after': String(retryAfterSeconds) },
    });
  }
}
