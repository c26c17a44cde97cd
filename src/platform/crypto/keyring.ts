/**
 * The keys of one installation. Root keys (`PLIMSOLL_KEYS`) only wrap other keys: those of people, of
 * access tokens, and the installation's own for blind indexes, cursors, row MACs, refresh tokens and the
 * house's data, one for each purpose. A new database imports the latter from the oldest root key (HKDF, a
 * label each); from then on they are read from it. Does not protect from someone who holds the process.
 * @source RFC 5869 (HKDF), NIST SP 800-38D (GCM)
 */
import { createHash, createHmac, hash, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Ciphertext } from '../db/columns.ts';
import { type DataKey, open, type Place, seal } from './seal.ts';

export type Keyring = {
  /** Seals a person's data key, or a token key, under the active root key. */
  readonly wrap: (place: Place, secret: Uint8Array) => Ciphertext;
  readonly unwrap: (place: Place, wrapped: Ciphertext) => Uint8Array;
  /** What `wrap` writes into each ciphertext now; another id there is that of an older root key. */
  readonly wrapKeyId: Uint8Array;
  /** What wraps name whose root key is in this keyring, the active one first. @units hex */
  readonly wrapKeyIds: readonly string[];
  /** The key for data that belongs to no person. */
  readonly house: DataKey;
  /** HMAC for equality search on sealed values; `field` keeps indexes of two fields apart. */
  readonly blindIndex: (field: string, value: string) => Uint8Array;
  /** HMAC that tells a refresh token of ours from a guess. */
  readonly tokenMac: (body: Uint8Array) => Uint8Array;
  readonly cursorKey: Uint8Array;
  readonly rowMacKey: Uint8Array;
  /** The installation's own keys as they are used now: those of the database once it was opened. */
  readonly installation: () => InstallationKeys;
  /** Uses these from now on; the database says which they are. */
  readonly install: (keys: InstallationKeys) => void;
};

/** The keys that belong to no person, one for each purpose. */
export type InstallationKeys = {
  readonly house: DataKey;
  readonly blind_index: DataKey;
  readonly cursor: DataKey;
  readonly row_mac: DataKey;
  readonly token_mac: DataKey;
};

export type RootKey = { readonly name: string; readonly key: Uint8Array };

export class KeyringError extends Error {
  override readonly name = 'KeyringError';
}

/**
 * Reads `name:base64,name:base64`, the active key first.
 * @errors KeyringError naming the entry, never its content
 */
export function parseRootKeys(text: string): readonly RootKey[] {
  const keys = text.split(',').map((entry, index) => {
    const [name = '', encoded = ''] = entry.trim().split(':');
    const key = Buffer.from(encoded, 'base64');
    // Node skips what is not base64; a mistyped key must not become another key.
    const exact = key.length === 32 && key.toString('base64') === encoded;
    if (!/^[a-z0-9-]{1,32}$/.test(name) || !exact) {
      throw new KeyringError(`key ${index + 1} is not of the form name:base64 of 32 bytes`);
    }
    return { name, key: new Uint8Array(key) };
  });
  if (new Set(keys.map((key) => key.name)).size !== keys.length) {
    throw new KeyringError('two keys have one name');
  }
  if (new Set(keys.map((key) => keyIdText(dataKey(key.key).id))).size !== keys.length) {
    throw new KeyringError('one key has two names');
  }
  return keys;
}

/**
 * Builds the keyring. Until the database says which its own keys are, they are those a new database
 * would import: derived from the oldest root key.
 */
export function buildKeyring(rootKeys: readonly RootKey[]): Keyring {
  const active = rootKeys[0];
  const oldest = rootKeys.at(-1);
  if (active === undefined || oldest === undefined) {
    throw new KeyringError('the keyring is empty');
  }
  const wrapping = new Map(rootKeys.map((root) => [keyIdText(wrappingKey(root).id), wrappingKey(root)]));
  const activeWrap = wrappingKey(active);
  let own = derivedKeys(oldest);
  return {
    wrap: (place, secret) => seal(activeWrap, place, secret),
    unwrap: (place, wrapped) => open((id) => wrapping.get(keyIdText(id)), place, wrapped),
    wrapKeyId: activeWrap.id,
    wrapKeyIds: [...wrapping.keys()],
    get house() {
      return own.house;
    },
    blindIndex: (field, value) =>
      new Uint8Array(createHmac('sha256', own.blind_index.key).update(`${field}\0${value}`).digest()),
    tokenMac: (body) => new Uint8Array(createHmac('sha256', own.token_mac.key).update(body).digest()),
    get cursorKey() {
      return own.cursor.key;
    },
    get rowMacKey() {
      return own.row_mac.key;
    },
    installation: () => own,
    install: (keys) => {
      own = keys;
    },
  };
}

/** The id a wrap or ciphertext names, as people read it. @units hex */
export function keyIdText(id: Uint8Array): string {
  return Buffer.from(id).toString('hex');
}

/** Names a data key by its hash, so that a ciphertext can say which key it needs. */
export function dataKey(key: Uint8Array): DataKey {
  return {
    id: new Uint8Array(createHash('sha256').update('plimsoll key id').update(key).digest().subarray(0, 8)),
    key,
  };
}

/** Compares secrets in constant time, whatever their lengths. */
export function equalSecrets(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The SHA-256 of text (as UTF-8) or bytes. @shape 32 bytes */
export function sha256(content: string | Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', content, 'buffer'));
}

function wrappingKey(root: RootKey): DataKey {
  return dataKey(derive(root.key, 'wrap'));
}

function derive(key: Uint8Array, label: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), `plimsoll/${label}/v1`, 32));
}

/** What a database imports when it is first opened. */
function derivedKeys(root: RootKey): InstallationKeys {
  return {
    house: dataKey(derive(root.key, 'house-data')),
    blind_index: dataKey(derive(root.key, 'blind-index')),
    cursor: dataKey(derive(root.key, 'cursor')),
    row_mac: dataKey(derive(root.key, 'row-mac')),
    token_mac: dataKey(derive(root.key, 'token-mac')),
  };
}
