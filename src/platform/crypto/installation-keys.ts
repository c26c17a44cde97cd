/**
 * The installation's own keys at rest: one in use for each purpose, wrapped by a root key. A further one is
 * published first and seals only when every node has read it; the one before goes on opening.
 */
import { randomBytes } from 'node:crypto';
import { asc, eq } from 'drizzle-orm';
import { assert, present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { record } from '../audit/record.ts';
import { type Ctx, type Deps, machineCtx } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { lockExclusive } from '../db/locks.ts';
import { onCommit, transact } from '../db/transact.ts';
import { KEY_EVENTS } from './audit.ts';
import { dataKey, type InstallationKeys, keyIdText } from './keyring.ts';
import { installationKeys, type keyPurpose } from './schema.ts';
import type { DataKey, Place } from './seal.ts';

export type KeyPurpose = (typeof keyPurpose.enumValues)[number];
type Row = typeof installationKeys.$inferSelect;

const PURPOSES: readonly KeyPurpose[] = ['house', 'blind_index', 'cursor', 'row_mac', 'token_mac'];
/** Each node asks this often which keys there are. */
const REFRESH_MS = 5_000;
/** How much later than its time a key may become visible: its transaction lasts, and clocks differ. */
const OVERLAP_MS = 60_000;
/** A key is known to every node that can still read the database before it seals anything. */
export const PUBLISHED_AHEAD_MS = 3 * REFRESH_MS;
const LOCK = 'installation-keys';

/**
 * Uses the keys this database holds; a database without any imports those of the oldest root key.
 * @effects at first, five rows of `installation_keys`; audit `installation_key.imported`
 * @errors SealError where a root key is missing from the keyring
 */
export async function openInstallationKeys(deps: Deps): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'keyring' }, newId());
  if ((await deps.db.engine.$count(installationKeys)) === 0) {
    await transact(ctx, 'engine', async (tx) => {
      await lockExclusive(tx, [LOCK]);
      if ((await tx.$count(installationKeys)) === 0) {
        await importKeys(tx, ctx);
      }
    });
  }
  await refreshInstallationKeys(deps);
}

/** Reads again which keys there are, and uses them. @errors SealError, and whatever the database says */
export async function refreshInstallationKeys(deps: Deps): Promise<void> {
  const rows = await deps.db.engine.select().from(installationKeys).orderBy(asc(installationKeys.createdAt));
  deps.keyring.install(keysOf(deps, rows));
}

/**
 * Keeps the keys of this process fresh while others rotate them.
 * @effects reads `installation_keys` every few seconds; forgets people's keys that were followed by others
 */
export function watchKeys(deps: Deps): { readonly stop: () => Promise<void> } {
  let readAt = deps.clock.realNow();
  const read = async (): Promise<void> => {
    const began = deps.clock.realNow();
    await refreshInstallationKeys(deps);
    // From the last time that it could be read: a database that was away hides no key that came meanwhile.
    await deps.personKeys.refresh(deps.db.engine, addMs(readAt, -OVERLAP_MS));
    readAt = began;
  };
  let reading: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    // One after the other: an answer that comes late must not take the place of a newer one.
    reading = reading.then(read).catch(() => deps.log.error({}, 'the keys could not be read again'));
  }, REFRESH_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await reading;
    },
  };
}

/**
 * Publishes a further house key, unless one waits already.
 * @effects one row of `installation_keys`; audit `installation_key.created`
 */
export async function publishHouseKey(ctx: Ctx): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [LOCK]);
    if (!(await housesOf(tx)).some((row) => row.status === 'next')) {
      await createKey(tx, ctx);
    }
  });
  await refreshInstallationKeys(ctx.deps);
}

/**
 * Lets the published house key seal from now on; without one nothing changes.
 * @effects rows of `installation_keys`; audit `installation_key.activated`
 */
export async function activateHouseKey(ctx: Ctx, aheadMs = PUBLISHED_AHEAD_MS): Promise<void> {
  const now = ctx.deps.clock.realNow();
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [LOCK]);
    const rows = await housesOf(tx);
    const next = rows.find((row) => row.status === 'next');
    if (next === undefined) {
      return;
    }
    assert(addMs(next.createdAt, aheadMs) <= now, 'a key is published before it seals');
    const active = present(
      rows.find((row) => row.status === 'active'),
      'one house key is in use',
    );
    await tx
      .update(installationKeys)
      .set({ status: 'retired', retiredAt: now })
      .where(eq(installationKeys.id, active.id));
    await tx
      .update(installationKeys)
      .set({ status: 'active', activatedAt: now })
      .where(eq(installationKeys.id, next.id));
    await record(tx, ctx, {
      event: KEY_EVENTS['installation_key.activated'],
      resource: { type: 'installation_key', id: next.id },
      subjectUserId: null,
      after: { ...next, activatedAt: now },
    });
  });
  await refreshInstallationKeys(ctx.deps);
}

async function importKeys(tx: Tx, ctx: Ctx): Promise<void> {
  const { keyring, clock } = ctx.deps;
  const own = keyring.installation();
  const now = clock.realNow();
  await tx.insert(installationKeys).values(
    PURPOSES.map((purpose) => {
      const id = newId();
      return {
        id,
        purpose,
        keyId: own[purpose].id,
        wrappedKey: keyring.wrap(placeOf(id), own[purpose].key),
        status: 'active' as const,
        createdAt: now,
        activatedAt: now,
      };
    }),
  );
  await record(tx, ctx, {
    event: KEY_EVENTS['installation_key.imported'],
    resource: { type: 'keyring', id: 'installation_keys' },
    subjectUserId: null,
    after: { purposes: PURPOSES, keyIds: PURPOSES.map((purpose) => keyIdText(own[purpose].id)) },
  });
  // What was imported is what this process uses; nothing before the commit seals under anything else.
  onCommit(tx, () => keyring.install(own));
}

async function createKey(tx: Tx, ctx: Ctx): Promise<void> {
  const key = dataKey(new Uint8Array(randomBytes(32)));
  const id = newId();
  const [row] = await tx
    .insert(installationKeys)
    .values({
      id,
      purpose: 'house',
      keyId: key.id,
      wrappedKey: ctx.deps.keyring.wrap(placeOf(id), key.key),
      status: 'next',
      createdAt: ctx.deps.clock.realNow(),
    })
    .returning();
  const created = present(row, 'the key was inserted');
  await record(tx, ctx, {
    event: KEY_EVENTS['installation_key.created'],
    resource: { type: 'installation_key', id },
    subjectUserId: null,
    after: created,
  });
}

async function housesOf(tx: Tx): Promise<readonly Row[]> {
  return tx.select().from(installationKeys).where(eq(installationKeys.purpose, 'house'));
}

function keysOf(deps: Deps, rows: readonly Row[]): InstallationKeys {
  const of = (purpose: KeyPurpose): DataKey => {
    const keys = rows
      .filter((row) => row.purpose === purpose)
      .map((row) => ({ status: row.status, ...opened(deps, row) }));
    const active = present(
      keys.find((key) => key.status === 'active'),
      `a key for ${purpose} is in use`,
    );
    return { id: active.id, key: active.key, others: keys.filter((key) => key !== active) };
  };
  return {
    house: of('house'),
    blind_index: of('blind_index'),
    cursor: of('cursor'),
    row_mac: of('row_mac'),
    token_mac: of('token_mac'),
  };
}

function opened(deps: Deps, row: Row): DataKey {
  const key = dataKey(deps.keyring.unwrap(placeOf(row.id), row.wrappedKey));
  assert(keyIdText(key.id) === keyIdText(row.keyId), 'an installation key is the one its row names');
  return key;
}

function placeOf(id: Id): Place {
  return { table: 'installation_keys', column: 'wrapped_key', rowId: id };
}
