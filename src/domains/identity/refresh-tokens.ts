/**
 * Refresh tokens: session id, 256 random bits and a MAC over both, stored as SHA-256. The MAC makes
 * every token we ever issued recognisable, so that the reuse of any old one, not only the last, ends
 * its session; and nobody can end a session by making tokens up.
 */
import { randomBytes } from 'node:crypto';
import { type Id, isId } from '../../kernel/id.ts';
import { equalSecrets, type Keyring, sha256 } from '../../platform/crypto/keyring.ts';

const PREFIX = 'rt_';
const SECRET_BYTES = 32;
const ID_BYTES = 16;

export type RefreshToken = { readonly token: string; readonly hash: Uint8Array };

/** Makes a token of a session and the hash that is stored of it. */
export function newRefreshToken(keyring: Keyring, sessionId: Id): RefreshToken {
  const body = Buffer.concat([Buffer.from(sessionId.replaceAll('-', ''), 'hex'), randomBytes(SECRET_BYTES)]);
  const token = `${PREFIX}${Buffer.concat([body, macOf(keyring, body)]).toString('base64url')}`;
  return { token, hash: sha256(token) };
}

/** The session a token was issued for, or undefined where we never issued it. */
export function readRefreshToken(
  keyring: Keyring,
  token: string,
): { readonly sessionId: Id; readonly hash: Uint8Array } | undefined {
  const bytes = Buffer.from(token.slice(PREFIX.length), 'base64url');
  const body = bytes.subarray(0, ID_BYTES + SECRET_BYTES);
  if (!token.startsWith(PREFIX) || !equalSecrets(bytes.subarray(body.length), macOf(keyring, body))) {
    return undefined;
  }
  const hex = body.subarray(0, ID_BYTES).toString('hex');
  const sessionId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return isId(sessionId) ? { sessionId, hash: sha256(token) } : undefined;
}

function macOf(keyring: Keyring, body: Uint8Array): Uint8Array {
  return keyring.tokenMac(body);
}
