/**
 * One Ed25519 key pair of access tokens: how it is made, and how its private half is sealed. The half
 * that signs never leaves the process in the clear.
 */
import { generateKeyPairSync } from 'node:crypto';
import { type Id, newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Deps } from '../../platform/context.ts';
import type { Place } from '../../platform/crypto/seal.ts';
import type { Ciphertext } from '../../platform/db/columns.ts';

/** @source RFC 8037 */
export type PublicJwk = { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string };
export type PrivateJwk = PublicJwk & { readonly d: string };

/** A new key pair, not yet stored. @shape a row of `token_keys` */
export function newTokenKey(deps: Deps, signsFrom: Instant) {
  const id = newId();
  const pair = generateKeyPairSync('ed25519');
  const { d, ...publicJwk } = pair.privateKey.export({ format: 'jwk' }) as unknown as PrivateJwk;
  const secret = Buffer.from(JSON.stringify({ ...publicJwk, d }), 'utf8');
  return {
    id,
    publicJwk,
    privateJwk: deps.keyring.wrap(tokenKeyPlace(id), secret),
    createdAt: deps.clock.realNow(),
    signsFrom,
  };
}

/** The private half of a stored key. */
export function openTokenKey(
  deps: Deps,
  row: { readonly id: Id; readonly privateJwk: Ciphertext },
): PrivateJwk {
  const secret = deps.keyring.unwrap(tokenKeyPlace(row.id), row.privateJwk);
  return JSON.parse(Buffer.from(secret).toString('utf8')) as PrivateJwk;
}

/** Where the sealed half of a key lives. */
export function tokenKeyPlace(id: Id): Place {
  return { table: 'token_keys', column: 'private_jwk', rowId: id };
}
