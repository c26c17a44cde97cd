/**
 * Access tokens: JWTs of type `at+jwt` signed with Ed25519, ten minutes long. A verified token is
 * remembered by its SHA-256 until it expires, so that the signature is checked once. A token proves
 * who signed in, not that they still may: session-state.ts says that.
 * @source RFC 9068, RFC 8037, RFC 8725
 */
import { verify } from 'node:crypto';
import { SignJWT } from 'jose';
import { type Id, isId, newId } from '../../kernel/id.ts';
import { type Deps, perDeps } from '../../platform/context.ts';
import { sha256 } from '../../platform/crypto/keyring.ts';
import { signingKey, verifyingKey } from './token-keys.ts';

export const ACCESS_TOKEN_SECONDS = 600;

export type AccessClaims = {
  readonly userId: Id;
  readonly sessionId: Id;
  /** The second factor this token knew of. @units milliseconds, whole seconds */
  readonly mfaAtMs: number | null;
  readonly expiresAtMs: number;
};

const ISSUER = 'plimsoll';
const AUDIENCE = 'plimsoll-api';
const MAX_REMEMBERED = 50_000;

const remembered = perDeps(() => new Map<string, AccessClaims>());

/** What a token is made from; the roles in it inform the client, the server asks afresh. */
export type TokenSubject = {
  readonly userId: Id;
  readonly sessionId: Id;
  readonly roles: readonly string[];
  readonly mfaAtMs: number | null;
};

/** Signs a token of ten minutes for a session. */
export async function issueAccessToken(deps: Deps, subject: TokenSubject): Promise<string> {
  const key = await signingKey(deps);
  const issuedAt = Math.floor(deps.clock.realMs() / 1000);
  const mfa = subject.mfaAtMs === null ? {} : { mfa_at: Math.floor(subject.mfaAtMs / 1000) };
  return new SignJWT({ sid: subject.sessionId, roles: [...subject.roles], client_id: AUDIENCE, ...mfa })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: key.id })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(subject.userId)
    .setJti(newId())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ACCESS_TOKEN_SECONDS)
    .sign({ ...key.privateJwk });
}

/** Reads a token; undefined for every fault alike: shape, type, key, signature, audience, age. */
export async function readAccessToken(deps: Deps, token: string): Promise<AccessClaims | undefined> {
  const nowMs = deps.clock.realMs();
  const known = remembered(deps);
  const fingerprint = Buffer.from(sha256(token)).toString('base64');
  const claims = known.get(fingerprint) ?? (await verified(deps, token));
  if (claims === undefined || claims.expiresAtMs <= nowMs) {
    known.delete(fingerprint);
    return undefined;
  }
  const oldest = known.size >= MAX_REMEMBERED ? known.keys().next().value : undefined;
  if (oldest !== undefined) {
    known.delete(oldest);
  }
  known.set(fingerprint, claims);
  return claims;
}

async function verified(deps: Deps, token: string): Promise<AccessClaims | undefined> {
  const [head, body, signature, ...rest] = token.split('.');
  if (head === undefined || body === undefined || signature === undefined || rest.length > 0) {
    return undefined;
  }
  const header = jsonOf(head);
  const keyId = header?.kid;
  if (header?.alg !== 'EdDSA' || header.typ !== 'at+jwt' || typeof keyId !== 'string' || !isId(keyId)) {
    return undefined;
  }
  const key = await verifyingKey(deps, keyId);
  const signed = Buffer.from(`${head}.${body}`, 'ascii');
  if (key === undefined || !verify(null, signed, key, Buffer.from(signature, 'base64url'))) {
    return undefined;
  }
  return claimsOf(jsonOf(body));
}

function claimsOf(body: Readonly<Record<string, unknown>> | undefined): AccessClaims | undefined {
  if (body === undefined || body.iss !== ISSUER || body.aud !== AUDIENCE) {
    return undefined;
  }
  const { sub, sid, exp, mfa_at: mfaAt } = body;
  if (typeof sub !== 'string' || typeof sid !== 'string' || typeof exp !== 'number') {
    return undefined;
  }
  if (!isId(sub) || !isId(sid)) {
    return undefined;
  }
  return {
    userId: sub,
    sessionId: sid,
    mfaAtMs: typeof mfaAt === 'number' ? mfaAt * 1000 : null,
    expiresAtMs: exp * 1000,
  };
}

function jsonOf(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
