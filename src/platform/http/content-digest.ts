/**
 * Digests of a body as a header: what a signature covers in place of the body itself. They are compared
 * with the bytes as they came, before anything is parsed.
 * @source RFC 9530
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type Dictionary, parseDictionary } from 'structured-headers';
import { refuse } from './refuse.ts';

/** Algorithms that may be relied upon; others may be sent and are not looked at. */
const ALGORITHMS: readonly (readonly [name: string, hash: string])[] = [
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
];

/** Whether the headers carry a SHA-256 of the body. */
export function hasSha256Digest(headers: Headers): boolean {
  return digestsOf(headers)?.get('sha-256')?.[0] instanceof ArrayBuffer;
}

/**
 * Holds a body to what was said of it, if anything was.
 * @errors signature_invalid where the request claims to be signed, else content_digest_mismatch
 */
export function refuseOtherBody(headers: Headers, bytes: Uint8Array): void {
  const digests = digestsOf(headers);
  const holds =
    digests !== undefined &&
    ALGORITHMS.every(([name, hash]) => {
      const sent = digests.get(name);
      return sent === undefined || isDigest(sent[0], createHash(hash).update(bytes).digest());
    });
  if (!holds) {
    throw refuse(headers.has('signature-input') ? 'signature_invalid' : 'content_digest_mismatch');
  }
}

/** The digests that were sent, none without the header; undefined where it cannot be read. */
function digestsOf(headers: Headers): Dictionary | undefined {
  try {
    return parseDictionary(headers.get('content-digest') ?? '');
  } catch {
    return undefined;
  }
}

function isDigest(sent: unknown, actual: Buffer): boolean {
  return (
    sent instanceof ArrayBuffer &&
    sent.byteLength === actual.length &&
    timingSafeEqual(new Uint8Array(sent), actual)
  );
}
