/**
 * Whether Didit signed what came in. Guarantees: the signature over the bytes as sent is looked at first; the
 * signature over sorted compact JSON is taken in its place, in the forms Didit's own sources describe, with letters
 * as they are or escaped, with the time in front or without; `X-Signature-Simple`, which does not cover the decision,
 * is never enough. Neither binds the time to the body in every form, so whoever takes an event also takes each only
 * once and asks Didit before believing anything.
 * @source Didit, webhooks: X-Signature, X-Signature-V2, X-Timestamp
 */
import { createHmac } from 'node:crypto';
import type { Json } from '../../../kernel/canonical-json.ts';
import { equalSecrets } from '../../../platform/crypto/keyring.ts';
import type { EventHeaders } from './kyc-provider.ts';
import { sortedJson } from './sorted-json.ts';

/** How far the time of a signature may be from ours. @units s */
const TOLERANCE_S = 300;

/** @units nowMs by the real clock */
export function isSignedByDidit(
  secrets: readonly string[],
  headers: EventHeaders,
  body: Uint8Array,
  nowMs: number,
): boolean {
  const timestamp = headers['x-timestamp'] ?? '';
  const nowS = Math.floor(nowMs / 1_000);
  const fresh =
    /^\d{1,12}$/.test(timestamp) && Math.abs(Number.parseInt(timestamp, 10) - nowS) <= TOLERANCE_S;
  // Sorting costs more than a digest: nobody is given it for a header that cannot fit.
  const isSorted = fresh && /^[0-9a-f]{64}$/i.test(headers['x-signature-v2'] ?? '');
  const forms: readonly (readonly [string | undefined, Uint8Array | string])[] = [
    [headers['x-signature'], body],
    ...(isSorted ? sortedForms(body) : []).flatMap((sorted) => [
      [headers['x-signature-v2'], sorted] as const,
      [headers['x-signature-v2'], `${timestamp}:${sorted}`] as const,
    ]),
  ];
  // Every secret and form is tried, whichever fits: the time it takes tells nothing.
  const fitting = secrets.flatMap((secret) =>
    forms.filter(([said, signed]) =>
      equalSecrets(
        Buffer.from(createHmac('sha256', secret).update(signed).digest('hex')),
        Buffer.from((said ?? '').toLowerCase()),
      ),
    ),
  );
  return fresh && fitting.length > 0;
}

function sortedForms(body: Uint8Array): readonly string[] {
  try {
    const sorted = sortedJson(JSON.parse(Buffer.from(body).toString('utf8')) as Json);
    return [sorted, escaped(sorted)];
  } catch {
    return [];
  }
}

/** The same JSON in letters of ASCII alone. */
function escaped(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
