/**
 * The Ed25519 keys of access tokens, shared by all nodes through the database. The private half is
 * sealed by the keyring. A node asks the database again every minute, so that a new key is used and a
 * retired one dropped everywhere soon. What this does not do: decide when a key is due for retirement.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { desc, gt, isNull, or } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import { type Deps, machineCtx, perDeps } from '../../platform/context.ts';
import type { Place } from '../../platform/crypto/seal.ts';
import type { Ciphertext } from '../../platform/db/columns.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { tokenKeys } from './schema.ts';

/** @source RFC 8037 */
export type PublicJwk = { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string };
export type PrivateJwk = PublicJwk & { readonly d: string };

export type SigningKey = { readonly id: Id; readonly privateJwk: PrivateJwk };

type KnownKey = { readonly jwk: PublicJwk; readonly key: KeyObject };
type KnownKeys = {
  readonly loadedMs: number;
  readonly signing: SigningKey | undefined;
  readonly verifying: ReadonlyMap<Id, KnownKey>;
};

const RELOAD_MS = 60_000;
const MISS_RELOAD_MS = 1_000;
/** A retired key still verifies for as long as its last token may live. */
const RETIRED_GRACE_MS = 15 * 60_000;

const caches = perDeps(() => ({ keys: undefined as Promise<KnownKeys> | undefined }));

/** The key that signs now, made on first use. */
export async function signingKey(deps: Deps): Promise<SigningKey> {
  const known = await knownKeys(deps, RELOAD_MS);
  if (known.signing !== undefined) {
    return known.signing;
  }
  await createFirstKey(deps);
  return present((await reload(deps)).signing, 'a signing key was just made');
}

/** The key a token names, or undefined; strange names cost at most one query a second. */
export async function verifyingKey(deps: Deps, keyId: Id): Promise<KeyObject | undefined> {
  const known = await knownKeys(deps, RELOAD_MS);
  const key = known.verifying.get(keyId) ?? (await knownKeys(deps, MISS_RELOAD_MS)).verifying.get(keyId);
  return key?.key;
}

/** The public halves that verify now. @source RFC 7517 */
export async function publishedKeys(deps: Deps): Promise<readonly (PublicJwk & { readonly kid: Id })[]> {
  await signingKey(deps);
  const { verifying } = await knownKeys(deps, MISS_RELOAD_MS);
  return [...verifying].map(([kid, { jwk }]) => ({ ...jwk, kid }));
}

async function knownKeys(deps: Deps, maxAgeMs: number): Promise<KnownKeys> {
  const known = await caches(deps).keys?.catch(() => undefined);
  return known !== undefined && deps.clock.realMs() - known.loadedMs < maxAgeMs ? known : reload(deps);
}

function reload(deps: Deps): Promise<KnownKeys> {
  const loading = load(deps);
  caches(deps).keys = loading;
  return loading;
}

async function load(deps: Deps): Promise<KnownKeys> {
  const loadedMs = deps.clock.realMs();
  const rows = await deps.db.engine
    .select()
    .from(tokenKeys)
    .where(
      or(
        isNull(tokenKeys.retiredAt),
        gt(tokenKeys.retiredAt, addMs(deps.clock.realNow(), -RETIRED_GRACE_MS)),
      ),
    )
    .orderBy(desc(tokenKeys.createdAt), desc(tokenKeys.id));
  const active = rows.find((row) => row.retiredAt === null);
  return {
    loadedMs,
    signing: active === undefined ? undefined : { id: active.id, privateJwk: openKey(deps, active) },
    verifying: new Map(
      rows.map((row) => {
        const jwk = row.publicJwk as PublicJwk;
        return [row.id, { jwk, key: createPublicKey({ key: jwk, format: 'jwk' }) }];
      }),
    ),
  };
}

/** @effects one row of `token_keys`, unless another node was faster; audit `token_key.created` */
async function createFirstKey(deps: Deps): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'token-keys' }, newId());
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, ['token-keys']);
    const [existing] = await tx
      .select({ id: tokenKeys.id })
      .from(tokenKeys)
      .where(isNull(tokenKeys.retiredAt))
      .limit(1);
    if (existing !== undefined) {
      return;
    }
    const row = newKey(deps);
    await tx.insert(tokenKeys).values(row);
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['token_key.created'],
      resource: { type: 'token_key', id: row.id },
      subjectUserId: null,
      after: { id: row.id, createdAt: row.createdAt },
    });
  });
}

function newKey(deps: Deps) {
  const id = newId();
  const pair = generateKeyPairSync('ed25519');
  const { d, ...publicJwk } = pair.privateKey.export({ format: 'jwk' }) as unknown as PrivateJwk;
  const secret = Buffer.from(JSON.stringify({ ...publicJwk, d }), 'utf8');
  return {
    id,
    publicJwk,
    privateJwk: deps.keyring.wrap(keyPlace(id), secret),
    createdAt: deps.clock.realNow(),
  };
}

function openKey(deps: Deps, row: { readonly id: Id; readonly privateJwk: Ciphertext }): PrivateJwk {
  const secret = deps.keyring.unwrap(keyPlace(row.id), row.privateJwk);
  return JSON.parse(Buffer.from(secret).toString('utf8')) as PrivateJwk;
}

function keyPlace(id: Id): Place {
  return { table: 'token_keys', column: 'private_jwk', rowId: id };
}
