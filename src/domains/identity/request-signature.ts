/**
 * HTTP Message Signatures as this service asks for them: one Ed25519 signature over method, path, query
 * and every header the server acts upon, the digest of the body among them, with time and nonce. What
 * it does not do: remember nonces (request-nonces.ts), and compare the digest with the body, which
 * happens where the body is read.
 * @source RFC 9421; RFC 9530 (Content-Digest); RFC 9651 (structured fields)
 */
import { type InnerList, isInnerList, parseDictionary, serializeInnerList } from 'structured-headers';
import type { Id } from '../../kernel/id.ts';
import type { SignedParts } from '../../platform/http/authenticate.ts';
import { hasSha256Digest } from '../../platform/http/content-digest.ts';
import { isSignedBy } from './signing-keys.ts';

export type SignatureFault =
  | 'missing'
  | 'malformed'
  | 'component_missing'
  | 'component_unknown'
  | 'digest_missing'
  | 'parameters'
  | 'clock'
  | 'wrong_signature';

export type SignatureCheck =
  | { readonly fault: SignatureFault }
  | { readonly nonce: string; readonly createdMs: number };

export type ExpectedSigner = {
  readonly keyId: Id;
  /** @shape 32 bytes */
  readonly publicKey: Uint8Array;
  readonly nowMs: number;
  /** What clients call this service; `@authority` and `@target-uri` are of it, whatever a proxy made of them. */
  readonly publicUrl: string;
};

/** How far the clock of a client may be off, to either side. */
export const MAX_SKEW_MS = 60_000;

/** Headers the server acts upon: a signature that left one of them out would let it be changed. */
const COVERED_IF_SENT = ['content-digest', 'content-type', 'idempotency-key', 'if-match'] as const;

const KNOWN_PARAMETERS = new Set(['created', 'expires', 'nonce', 'keyid', 'alg', 'tag']);
const NONCE = /^[\x20-\x7e]{16,128}$/;
const FIELD_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
const PRINTABLE = /^[\t\x20-\x7e]*$/;

/** Whether a request carries any signature at all. */
export function isSigned({ headers }: SignedParts): boolean {
  return headers.has('signature') || headers.has('signature-input');
}

/** Checks the one signature of a request for the one key that may have made it. */
export function checkRequestSignature(request: SignedParts, expected: ExpectedSigner): SignatureCheck {
  const parsed = parseSignature(request);
  if ('fault' in parsed) {
    return parsed;
  }
  const { input, signature } = parsed;
  const parameters = checkParameters(input, expected);
  const fault = 'fault' in parameters ? parameters.fault : coverageFault(input, request);
  if (fault !== undefined || 'fault' in parameters) {
    return { fault: fault ?? 'parameters' };
  }
  const base = signatureBase(input, request, expected.publicUrl);
  if (base === undefined) {
    return { fault: 'component_unknown' };
  }
  return isSignedBy(expected.publicKey, base, signature) ? parameters : { fault: 'wrong_signature' };
}

/**
 * The text a signature is over; undefined where a component is unknown, absent, repeated or has
 * parameters, none of which this service asks for.
 * @source RFC 9421 section 2.5
 */
export function signatureBase(input: InnerList, request: SignedParts, publicUrl: string): string | undefined {
  const lines: string[] = [];
  const names = new Set<unknown>();
  for (const [name, parameters] of input[0]) {
    const value = typeof name === 'string' ? componentOf(name, request, publicUrl) : undefined;
    if (value === undefined || parameters.size > 0 || names.has(name)) {
      return undefined;
    }
    names.add(name);
    lines.push(`"${String(name)}": ${value}`);
  }
  return [...lines, `"@signature-params": ${serializeInnerList(input)}`].join('\n');
}

type ParsedSignature = { readonly input: InnerList; readonly signature: Uint8Array };

/** Exactly one signature: with a second one nobody could say which the other components belong to. */
function parseSignature({ headers }: SignedParts): ParsedSignature | { readonly fault: SignatureFault } {
  try {
    const inputs = parseDictionary(headers.get('signature-input') ?? '');
    const signatures = parseDictionary(headers.get('signature') ?? '');
    const [[label, input] = []] = inputs;
    const [signature] = signatures.get(label ?? '') ?? [];
    if (inputs.size !== 1 || signatures.size !== 1 || input === undefined || !isInnerList(input)) {
      return { fault: 'malformed' };
    }
    return signature instanceof ArrayBuffer && signature.byteLength === 64
      ? { input, signature: new Uint8Array(signature) }
      : { fault: 'malformed' };
  } catch {
    return { fault: 'malformed' };
  }
}

function checkParameters([, parameters]: InnerList, { keyId, nowMs }: ExpectedSigner): SignatureCheck {
  const created = parameters.get('created');
  const expires = parameters.get('expires');
  const nonce = parameters.get('nonce');
  if (
    !Number.isInteger(created) ||
    typeof created !== 'number' ||
    typeof nonce !== 'string' ||
    !NONCE.test(nonce) ||
    parameters.get('keyid') !== keyId ||
    parameters.get('alg') !== 'ed25519' ||
    (expires !== undefined && !(typeof expires === 'number' && Number.isInteger(expires))) ||
    [...parameters.keys()].some((name) => !KNOWN_PARAMETERS.has(name))
  ) {
    return { fault: 'parameters' };
  }
  const createdMs = created * 1_000;
  const isLate = typeof expires === 'number' && expires * 1_000 <= nowMs;
  return Math.abs(nowMs - createdMs) > MAX_SKEW_MS || isLate ? { fault: 'clock' } : { nonce, createdMs };
}

function coverageFault([components]: InnerList, request: SignedParts): SignatureFault | undefined {
  const covered = new Set(components.map(([name]) => name));
  const isTargetCovered = covered.has('@target-uri') || (covered.has('@path') && covered.has('@query'));
  const isSentCovered = COVERED_IF_SENT.every((name) => !request.headers.has(name) || covered.has(name));
  if (!covered.has('@method') || !isTargetCovered || !isSentCovered) {
    return 'component_missing';
  }
  // A request without a body stream has no bytes that anybody could read, whatever its headers say.
  return request.body !== null && !hasSha256Digest(request.headers) ? 'digest_missing' : undefined;
}

function componentOf(name: string, request: SignedParts, publicUrl: string): string | undefined {
  const { pathname, search } = new URL(request.url);
  switch (name) {
    case '@method':
      return request.method;
    case '@path':
      return pathname;
    case '@query':
      return search === '' ? '?' : search;
    case '@authority':
      return new URL(publicUrl).host;
    case '@target-uri':
      return `${new URL(publicUrl).origin}${pathname}${search}`;
    default:
      return fieldOf(name, request.headers);
  }
}

function fieldOf(name: string, headers: Headers): string | undefined {
  const value = FIELD_NAME.test(name) ? headers.get(name)?.trim() : undefined;
  return value !== undefined && PRINTABLE.test(value) ? value : undefined;
}
