/**
 * API keys as text: `pk_test_<id>_<secret>`. The secret is 256 random bits with a checksum (base58
 * check), so that a mistyped or made-up key is refused without a look at the database, and a scanner
 * that finds one in a leaked file can tell it from noise.
 */
import { randomBytes } from 'node:crypto';
import { createBase58check } from '@scure/base';
import { type Id, isId } from '../../kernel/id.ts';
import { sha256 } from '../../platform/crypto/keyring.ts';

export type ApiKeyMode = 'live' | 'test';

/** What an API key may be made for; those that move money out exist for nobody yet. */
export const API_SCOPES = [
  'accounts:read',
  'events:read',
  'funding:read',
  'funding:write',
  'kyc:read',
  'kyc:write',
  'markets:read',
  'orders:read',
  'orders:write',
] as const;

export type ApiScope = (typeof API_SCOPES)[number];

/** Every scope at once; only the sandbox knows it. */
export const ANY_SCOPE = '*';

const SECRET_BYTES = 32;
const base58check = createBase58check(sha256);

export type ApiKeyText = {
  readonly mode: ApiKeyMode;
  readonly keyId: Id;
  readonly secretHash: Uint8Array;
};

/** Makes the text of a key and the hash that is stored of it. */
export function newApiKeyText(
  mode: ApiKeyMode,
  keyId: Id,
): { readonly text: string; readonly secretHash: Uint8Array } {
  const secret = new Uint8Array(randomBytes(SECRET_BYTES));
  return { text: `${prefixOf(mode, keyId)}${base58check.encode(secret)}`, secretHash: sha256(secret) };
}

/** What a key starts with; enough to recognise it in a list. */
export function prefixOf(mode: ApiKeyMode, keyId: Id): string {
  return `pk_${mode}_${keyId.replaceAll('-', '')}_`;
}

/** Reads a key; undefined where the form or the checksum is wrong. */
export function readApiKeyText(token: string): ApiKeyText | undefined {
  const [, mode, hex = '', encoded = ''] =
    /^pk_(live|test)_([0-9a-f]{32})_([1-9A-HJ-NP-Za-km-z]{40,60})$/.exec(token) ?? [undefined];
  const keyId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  if ((mode !== 'live' && mode !== 'test') || !isId(keyId)) {
    return undefined;
  }
  try {
    const secret = base58check.decode(encoded);
    return secret.length === SECRET_BYTES ? { mode, keyId, secretHash: sha256(secret) } : undefined;
  } catch {
    return undefined;
  }
}
