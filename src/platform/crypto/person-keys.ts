/**
 * One data key per person, wrapped by the keyring: destroying the row makes everything sealed under
 * it unreadable while every hash over it stays valid. Unwrapped keys are cached in memory only.
 */
import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { assert } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Tx } from '../db/client.ts';
import type { Ciphertext } from '../db/columns.ts';
import { personKeys } from '../db/schema.ts';
import { dataKey, type Keyring } from './keyring.ts';
import type { DataKey, Place } from './seal.ts';

export type PersonKeys = {
  /** Makes the key of a new person. @effects one row of `person_keys` */
  readonly create: (tx: Tx, userId: Id, at: Instant) => Promise<DataKey>;
  /** @errors AssertionError where the person has no key (erased or never made) */
  readonly of: (tx: Tx, userId: Id) => Promise<DataKey>;
  readonly ofMany: (tx: Tx, userIds: readonly Id[]) => Promise<ReadonlyMap<Id, DataKey>>;
  /** Drops a cached key, after erasure. */
  readonly forget: (userId: Id) => void;
};

const CACHE_SIZE = 20_000;

/** Person keys under this keyring, with their cache. */
/** Keys of people, unwrapped on first use and kept in memory only. */
export function buildPersonKeys(keyring: Keyring): PersonKeys {
  const cache = new Map<Id, DataKey>();
  const remember = (userId: Id, key: DataKey): DataKey => {
    const oldest = cache.size >= CACHE_SIZE ? cache.keys().next().value : undefined;
    if (oldest !== undefined) {
      cache.delete(oldest);
    }
    cache.set(userId, key);
    return key;
  };
  const load = async (tx: Tx, userId: Id): Promise<DataKey> => {
    const [row] = await tx.select().from(personKeys).where(eq(personKeys.userId, userId));
    assert(row !== undefined, 'the person has a data key');
    return remember(userId, dataKey(keyring.unwrap(placeOf(userId), row.wrappedKey)));
  };
  const of = async (tx: Tx, userId: Id): Promise<DataKey> => cache.get(userId) ?? (await load(tx, userId));
  return {
    of,
    ofMany: async (tx, userIds) => {
      const found = new Map<Id, DataKey>();
      for (const userId of new Set(userIds)) {
        found.set(userId, await of(tx, userId));
      }
      return found;
    },
    create: async (tx, userId, at) => {
      const key = dataKey(new Uint8Array(randomBytes(32)));
      const wrappedKey: Ciphertext = keyring.wrap(placeOf(userId), key.key);
      await tx.insert(personKeys).values({ userId, keyId: key.id, wrappedKey, createdAt: at });
      // Not cached here: the transaction may still roll back.
      return key;
    },
    forget: (userId) => {
      cache.delete(userId);
    },
  };
}

function placeOf(userId: Id): Place {
  return { table: 'person_keys', column: 'wrapped_key', rowId: userId };
}
