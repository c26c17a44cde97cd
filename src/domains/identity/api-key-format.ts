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

/** What a scope opens, and whose keys can use it. */
type Scope = {
  readonly opens: string;
  readonly holders: 'customers' | 'staff' | 'everybody';
  /** It moves money: only a key approved by two people has it, and passes where a second factor is asked for. */
  readonly money?: true;
};

const SCOPES = {
  'accounts:read': { opens: 'accounts, wallets, entries, holds and lots', holders: 'everybody' },
  'aml:read': { opens: 'screenings, screening lists and alerts', holders: 'staff' },
  'aml:screen': { opens: 'screening a subject and importing a list', holders: 'staff' },
  'approvals:read': { opens: 'approvals and votes; no key decides one', holders: 'staff' },
  'audit:read': { opens: 'the audit log, its exports, proofs and tiles', holders: 'staff' },
  'conversions:write': { opens: 'converting one currency into another', holders: 'customers' },
  'events:read': { opens: 'the feed of events', holders: 'customers' },
  'funding:read': { opens: 'deposits, beneficiaries and withdrawals', holders: 'everybody' },
  'funding:write': { opens: 'announcing deposits', holders: 'customers' },
  'holds:write': {
    opens: 'placing holds, releasing what keys of the same person placed, and asking to capture',
    holders: 'staff',
    money: true,
  },
  'kyc:read': { opens: 'KYC levels and applications, without documents', holders: 'everybody' },
  'kyc:write': { opens: 'KYC applications and their documents', holders: 'customers' },
  'ledger:read': { opens: 'journals and reconciliations', holders: 'staff' },
  'markets:read': {
    opens: 'assets, instruments, prices and the stream; own price alerts and watchlists',
    holders: 'everybody',
  },
  'markets:write': { opens: 'price alerts and watchlists', holders: 'customers' },
  'orders:read': { opens: 'orders and fills', holders: 'everybody' },
  'orders:write': {
    opens: 'placing and cancelling orders; play money of paper accounts',
    holders: 'customers',
  },
  'payouts:write': { opens: 'paying out approved withdrawals', holders: 'staff', money: true },
  'risk:read': { opens: 'limits', holders: 'staff' },
  'transfers:write': { opens: 'moving funds between own accounts', holders: 'customers' },
  'users:read': { opens: 'people, masked', holders: 'staff' },
} as const satisfies Readonly<Record<string, Scope>>;

export type ApiScope = keyof typeof SCOPES;

/** What an API key may be made for. */
export const API_SCOPES = Object.keys(SCOPES) as [ApiScope, ...ApiScope[]];

/** Whether text names a scope. */
export function isScope(text: string): text is ApiScope {
  return Object.hasOwn(SCOPES, text);
}

/** Whether a scope moves money. */
export function isMoneyScope(scope: ApiScope): boolean {
  return scopeOf(scope).money === true;
}

/** Whether keys of staff, or those of customers, can use a scope. */
export function isScopeFor(scope: ApiScope, holders: 'customers' | 'staff'): boolean {
  return ['everybody', holders].includes(scopeOf(scope).holders);
}

/** The scopes as a Markdown table, for the documentation. */
export function scopeTable(): string {
  const rows = API_SCOPES.map((scope) => {
    const { opens, holders, money } = scopeOf(scope);
    return `| \`${scope}\` | ${opens} | ${money ? `${holders}, moves money` : holders} |`;
  });
  return ['| scope | opens | for |', '|---|---|---|', ...rows].join('\n');
}

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

function scopeOf(scope: ApiScope): Scope {
  return SCOPES[scope];
}
