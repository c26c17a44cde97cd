/**
 * One data key per person, wrapped by the keyring: destroying the row makes everything sealed under
 * it unreadable while every hash over it stays valid. Unwrapped keys are cached in memory only, and a
 * key that was destroyed is never cached again, whatever an older snapshot still reads.
 */
import { randomBytes } from 'node:crypto';
import { eq, gte, inArray } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Database, Tx } from '../db/client.ts';
import type { Ciphertext } from '../db/columns.ts';
import { personKeys } from '../db/schema.ts';
import { dataKey, type Keyring, keyIdText } from './keyring.ts';
import { personKeyVersions } from './schema.ts';
import type { DataKey, Place } from './seal.ts';

export type PersonKeys = {
  /** Makes the key of a new person. @effects one row of `person_keys` */
  readonly create: (tx: Tx, userId: Id, at: Instant) => Promise<DataKey>;
  /** The key of someone who acts or is written about now. @errors AssertionError where there is none */
  readonly of: (tx: Tx, userId: Id) => Promise<DataKey>;
  /** The key of someone who is read about; undefined where they were erased. */
  readonly find: (tx: Tx, userId: Id) => Promise<DataKey | undefined>;
  /** Keys of those who have one, in one statement; the erased are missing. */
  readonly ofMany: (tx: Tx, userIds: readonly Id[]) => Promise<ReadonlyMap<Id, DataKey>>;
  /** Drops cached keys of people who were given another one since, which is to be known before it seals. */
  readonly refresh: (db: Database, since: Instant) => Promise<void>;
  /** Drops the key of someone whose key was destroyed, for good. */
  readonly forget: (userId: Id) => void;
  /** Drops every cached key, where notices of destroyed keys may have been missed. */
  readonly forgetAll: () => void;
};

const CACHE_SIZE = 20_000;

/** Keys of people, unwrapped on first use and kept in memory only. */
export function buildPersonKeys(keyring: Keyring): PersonKeys {
  const cache = new Map<Id, DataKey>();
  const destroyed = new Set<Id>();
  let generation = 0;
  const remember = (userId: Id, key: DataKey): void => {
    const oldest = cache.size >= CACHE_SIZE ? cache.keys().next().value : undefined;
    if (oldest !== undefined) {
      cache.delete(oldest);
    }
    cache.set(userId, key);
  };
  const ofMany = async (tx: Tx, userIds: readonly Id[]): Promise<ReadonlyMap<Id, DataKey>> => {
    const found = new Map<Id, DataKey>();
    const missing = new Set<Id>();
    for (const userId of userIds) {
      const cached = cache.get(userId);
      if (cached === undefined) {
        missing.add(userId);
      } else {
        found.set(userId, cached);
      }
    }
    if (missing.size === 0) {
      return found;
    }
    const asked = generation;
    for (const [userId, key] of await readKeys(tx, keyring, [...missing])) {
      found.set(userId, key);
      // A notice may have come between the answer and here; what was read then is older than it.
      if (asked === generation && !destroyed.has(userId)) {
        remember(userId, key);
      }
    }
    return found;
  };
  const find = async (tx: Tx, userId: Id) => (await ofMany(tx, [userId])).get(userId);
  return {
    ofMany,
    find,
    of: async (tx, userId) => present(await find(tx, userId), 'the person has a data key'),
    create: async (tx, userId, at) => {
      const key = dataKey(new Uint8Array(randomBytes(32)));
      const wrappedKey: Ciphertext = keyring.wrap(personKeyPlace(userId), key.key);
      await tx.insert(personKeys).values({ userId, keyId: key.id, wrappedKey, createdAt: at });
      // Not cached here: the transaction may still roll back.
      return key;
    },
    refresh: async (db, since) => {
      const changed = await changedSince(db, since);
      generation += changed.length > 0 ? 1 : 0;
      for (const userId of changed) {
        cache.delete(userId);
      }
    },
    forget: (userId) => {
      generation += 1;
      destroyed.add(userId);
      cache.delete(userId);
    },
    forgetAll: () => {
      generation += 1;
      cache.clear();
    },
  };
}

/** What a person's data key is bound to while it is in use. */
export function personKeyPlace(userId: Id): Place {
  return { table: 'person_keys', column: 'wrapped_key', rowId: userId };
}

/** What it is bound to before and after. */
export function versionPlace(userId: Id, keyId: Uint8Array): Place {
  return { table: 'person_key_versions', column: 'wrapped_key', rowId: `${userId} ${keyIdText(keyId)}` };
}

/** In one statement, so that a key that takes another's place meanwhile is seen before or after, with both. */
async function readKeys(tx: Tx, keyring: Keyring, userIds: readonly Id[]): Promise<ReadonlyMap<Id, DataKey>> {
  const found = new Map<Id, DataKey>();
  const rows = await tx
    .select({ kept: personKeys, version: personKeyVersions })
    .from(personKeys)
    .leftJoin(personKeyVersions, eq(personKeyVersions.userId, personKeys.userId))
    .where(inArray(personKeys.userId, [...userIds]));
  for (const { kept, version } of rows) {
    const { userId } = kept;
    const key = found.get(userId) ?? dataKey(keyring.unwrap(personKeyPlace(userId), kept.wrappedKey));
    if (version === null) {
      found.set(userId, key);
      continue;
    }
    const other = dataKey(keyring.unwrap(versionPlace(userId, version.keyId), version.wrappedKey));
    found.set(userId, { ...key, others: [...(key.others ?? []), other] });
  }
  return found;
}

async function changedSince(db: Database, since: Instant): Promise<readonly Id[]> {
  const rows = await db
    .select({ userId: personKeyVersions.userId })
    .from(personKeyVersions)
    .where(gte(personKeyVersions.createdAt, since));
  return rows.map(({ userId }) => userId);
}
