/**
 * The Ed25519 keys of access tokens, shared by all nodes through the database. The private half is
 * sealed by the keyring. A key is published when it is made, signs from `signs_from` until the next one
 * does, and verifies for as long after that as its last token may live. A node hears of a change at once
 * (revocations.ts) and asks again every minute, whether it heard or not.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { desc, gt, isNull, or } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { addMs, msOfInstant } from '../../kernel/time.ts';
import { type Deps, perDeps } from '../../platform/context.ts';
import { revocations } from './revocations.ts';
import { createFirstKey, RETIRED_GRACE_MS } from './rotate-token-keys.ts';
import { tokenKeys } from './schema.ts';
import { openTokenKey, type PrivateJwk, type PublicJwk } from './token-key-pair.ts';

export type SigningKey = { readonly id: Id; readonly privateJwk: PrivateJwk };

type KnownKey = {
  readonly jwk: PublicJwk;
  readonly key: KeyObject;
  readonly verifiesUntilMs: number;
};
type Signer = SigningKey & { readonly fromMs: number; readonly untilMs: number };
type KnownKeys = {
  readonly loadedMs: number;
  /** Newest first. */
  readonly signers: readonly Signer[];
  readonly verifiers: ReadonlyMap<Id, KnownKey>;
};

/** No key is believed for longer, so that a withdrawn one stops everywhere within a minute. */
const RELOAD_MS = 60_000;
/** Asked again in the background before that, so that no request has to wait for it. */
const RELOAD_AHEAD_MS = 45_000;
const MISS_RELOAD_MS = 1_000;

type Cache = { loading: Promise<KnownKeys> | undefined; known: KnownKeys | undefined };

const caches = perDeps((deps: Deps): Cache => {
  const cache: Cache = { loading: undefined, known: undefined };
  revocations(deps).on('token_key', () => {
    cache.loading = undefined;
    cache.known = undefined;
  });
  return cache;
});

/** The key that signs now, made on first use. */
export async function signingKey(deps: Deps): Promise<SigningKey> {
  const signer = signerAt(deps, await knownKeys(deps, RELOAD_MS));
  if (signer !== undefined) {
    return signer;
  }
  await createFirstKey(deps);
  return present(signerAt(deps, await reload(deps)), 'a signing key was just made');
}

/** The key a token names, or undefined; strange names cost at most one query a second. */
export async function verifyingKey(deps: Deps, keyId: Id): Promise<KeyObject | undefined> {
  const known = await knownKeys(deps, RELOAD_MS);
  const key = known.verifiers.get(keyId) ?? (await knownKeys(deps, MISS_RELOAD_MS)).verifiers.get(keyId);
  return key !== undefined && key.verifiesUntilMs > deps.clock.realMs() ? key.key : undefined;
}

/** Whether a key verifies now, without waiting; undefined where it must be asked. */
export function verifiesNow(deps: Deps, keyId: Id): boolean | undefined {
  const { known } = caches(deps);
  const nowMs = deps.clock.realMs();
  const ageMs = known === undefined ? Number.POSITIVE_INFINITY : nowMs - known.loadedMs;
  if (known === undefined || ageMs >= RELOAD_MS || ageMs < 0) {
    return undefined;
  }
  if (ageMs >= RELOAD_AHEAD_MS && caches(deps).loading === undefined) {
    reload(deps).catch(() => deps.log.warn({}, 'the keys of access tokens could not be read'));
  }
  const key = known.verifiers.get(keyId);
  return key !== undefined && key.verifiesUntilMs > nowMs;
}

/** The public halves that verify now or will soon. @source RFC 7517 */
export async function publishedKeys(deps: Deps): Promise<readonly (PublicJwk & { readonly kid: Id })[]> {
  await signingKey(deps);
  const { verifiers } = await knownKeys(deps, MISS_RELOAD_MS);
  const nowMs = deps.clock.realMs();
  return [...verifiers]
    .filter(([, key]) => key.verifiesUntilMs > nowMs)
    .map(([kid, { jwk }]) => ({ ...jwk, kid }));
}

function signerAt(deps: Deps, known: KnownKeys): SigningKey | undefined {
  const nowMs = deps.clock.realMs();
  const signers = known.signers.filter((signer) => signer.untilMs > nowMs);
  // A key that was made to sign at once may lie in the future of a clock that is slow.
  return signers.find((signer) => signer.fromMs <= nowMs) ?? signers.at(-1);
}

async function knownKeys(deps: Deps, maxAgeMs: number): Promise<KnownKeys> {
  const { known, loading } = caches(deps);
  const ageMs = known === undefined ? Number.POSITIVE_INFINITY : deps.clock.realMs() - known.loadedMs;
  return known !== undefined && ageMs >= 0 && ageMs < maxAgeMs ? known : (loading ?? reload(deps));
}

function reload(deps: Deps): Promise<KnownKeys> {
  const cache = caches(deps);
  const loading = load(deps);
  cache.loading = loading;
  const settle = (known: KnownKeys | undefined): void => {
    // A change that was heard meanwhile may not be in what was read.
    if (cache.loading === loading) {
      cache.loading = undefined;
      cache.known = known ?? cache.known;
    }
  };
  loading.then(settle, () => settle(undefined));
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
    .orderBy(desc(tokenKeys.signsFrom), desc(tokenKeys.id));
  const keys = rows.map((row) => ({
    ...row,
    untilMs: row.retiredAt === null ? Number.POSITIVE_INFINITY : msOfInstant(row.retiredAt),
  }));
  return {
    loadedMs,
    signers: keys
      .filter((key) => key.untilMs > loadedMs)
      .map((key) => ({
        id: key.id,
        privateJwk: openTokenKey(deps, key),
        fromMs: msOfInstant(key.signsFrom),
        untilMs: key.untilMs,
      })),
    verifiers: new Map(
      keys.map((key) => {
        const jwk = key.publicJwk as PublicJwk;
        const keyObject = createPublicKey({ key: jwk, format: 'jwk' });
        return [key.id, { jwk, key: keyObject, verifiesUntilMs: key.untilMs + RETIRED_GRACE_MS }];
      }),
    ),
  };
}
