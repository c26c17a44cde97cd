/**
 * Access tokens: JWTs of type `at+jwt` signed with Ed25519, ten minutes long. A verified token is
 * remembered by its SHA-256 until it expires or its key does, so that the signature is checked once. A
 * token proves who signed in, not that they still may: session-state.ts says that.
 * @source RFC 9068, RFC 8037, RFC 8725
 */
import { hash, verify } from 'node:crypto';
import { SignJWT } from 'jose';
import { type Id, isId, newId } from '../../kernel/id.ts';
import { type Deps, perDeps } from '../../platform/context.ts';
import type { SessionClaims } from './session-state.ts';
import { signingKey, verifiesNow, verifyingKey } from './token-keys.ts';

export const ACCESS_TOKEN_SECONDS = 600;

export type AccessClaims = SessionClaims & {
  readonly userId: Id;
  readonly keyId: Id;
  readonly expiresAtMs: number;
};

const ISSUER = 'plimsoll';
const AUDIENCE = 'plimsoll-api';
const MAX_REMEMBERED = 50_000;
/** How far ahead the clock of the node that issued a token may be. */
const CLOCK_SKEW_MS = 30_000;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

const remembered = perDeps(() => new Map<string, AccessClaims>());

/** What a token is made from; the roles in it inform the client, the server asks afresh. */
export type TokenSubject = {
  readonly userId: Id;
  readonly sessionId: Id;
  readonly roles: readonly string[];
  /** How they proved who they are. */
  readonly methods: readonly string[];
  readonly mfaAtMs: number | null;
};

/** Signs a token of ten minutes for a session. */
export async function issueAccessToken(deps: Deps, subject: TokenSubject): Promise<string> {
  const key = await signingKey(deps);
  const issuedAt = Math.floor(deps.clock.realMs() / 1000);
  const mfa = subject.mfaAtMs === null ? {} : { mfa_at: Math.floor(subject.mfaAtMs / 1000) };
  const session = { sid: subject.sessionId, roles: [...subject.roles], amr: [...subject.methods] };
  return new SignJWT({ ...session, client_id: AUDIENCE, ...mfa })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: key.id })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(subject.userId)
    .setJti(newId())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ACCESS_TOKEN_SECONDS)
    .sign({ ...key.privateJwk });
}

/** What a token says that was verified before and still holds, without waiting. */
export function knownToken(deps: Deps, token: string): AccessClaims | undefined {
  const claims = remembered(deps).get(fingerprintOf(token));
  return claims !== undefined &&
    claims.expiresAtMs > deps.clock.realMs() &&
    verifiesNow(deps, claims.keyId) === true
    ? claims
    : undefined;
}

/**
 * Reads a token; undefined for every fault alike: shape, type, key, signature, audience, age. `expired` is one of ours
 * that was good in every other respect: only who was given it can show it, and they can read its end themselves.
 */
export async function readAccessToken(
  deps: Deps,
  token: string,
): Promise<AccessClaims | 'expired' | undefined> {
  const known = remembered(deps);
  const fingerprint = fingerprintOf(token);
  const claims = knownToken(deps, token) ?? (await verified(deps, token));
  // What is remembered may have expired, or be under a key that was withdrawn meanwhile.
  known.delete(fingerprint);
  if (claims === undefined || claims === 'expired') {
    return claims;
  }
  const oldest = known.size >= MAX_REMEMBERED ? known.keys().next().value : undefined;
  if (oldest !== undefined) {
    known.delete(oldest);
  }
  known.set(fingerprint, claims);
  return claims;
}

function fingerprintOf(token: string): string {
  return hash('sha256', token, 'base64');
}

async function verified(deps: Deps, token: string): Promise<AccessClaims | 'expired' | undefined> {
  const [head, body, signature, ...rest] = token.split('.');
  if (head === undefined || body === undefined || signature === undefined || rest.length > 0) {
    return undefined;
  }
  const header = jsonOf(head);
  const keyId = header?.kid;
  if (header?.alg !== 'EdDSA' || header.typ !== 'at+jwt' || typeof keyId !== 'string' || !isId(keyId)) {
    return undefined;
  }
  // Nothing we issue has extensions; one that must be understood is not (RFC 7515 section 4.1.11).
  if ('crit' in header) {
    return undefined;
  }
  const signatureBytes = Buffer.from(signature, 'base64url');
  const key = await verifyingKey(deps, keyId);
  // One token has one spelling.
  if (key === undefined || signatureBytes.toString('base64url') !== signature) {
    return undefined;
  }
  const signed = Buffer.from(`${head}.${body}`, 'ascii');
  return verify(null, signed, key, signatureBytes)
    ? claimsOf(jsonOf(body), keyId, deps.clock.realMs())
    : undefined;
}

function claimsOf(
  body: Readonly<Record<string, unknown>> | undefined,
  keyId: Id,
  nowMs: number,
): AccessClaims | 'expired' | undefined {
  if (body === undefined || body.iss !== ISSUER || body.aud !== AUDIENCE) {
    return undefined;
  }
  const { sub, sid, exp, iat, nbf = iat, mfa_at: mfaAt } = body;
  if (typeof sub !== 'string' || typeof sid !== 'string' || !isId(sub) || !isId(sid)) {
    return undefined;
  }
  if (typeof exp !== 'number' || typeof iat !== 'number' || typeof nbf !== 'number') {
    return undefined;
  }
  const latest = nowMs + CLOCK_SKEW_MS;
  if (!(Math.max(iat, nbf) * 1000 <= latest) || !(exp - iat <= ACCESS_TOKEN_SECONDS)) {
    return undefined;
  }
  // Last: the end of a token is told of what nothing else is wrong with.
  if (!(exp * 1000 > nowMs)) {
    return 'expired';
  }
  return {
    userId: sub,
    sessionId: sid,
    keyId,
    mfaAtMs: typeof mfaAt === 'number' ? mfaAt * 1000 : null,
    issuedAtMs: iat * 1000,
    expiresAtMs: exp * 1000,
  };
}

function jsonOf(part: string): Readonly<Record<string, unknown>> | undefined {
  if (!BASE64URL.test(part)) {
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
