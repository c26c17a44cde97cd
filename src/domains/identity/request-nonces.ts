/**
 * Nonces of signed requests, shared by all nodes: whoever inserts first was first. The table survives no
 * crash of the database. A marker that vanishes with it says since when nonces have been kept, and
 * signatures from before that are refused: forgetting must not let a request in a second time.
 */
import { and, lt, ne, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { addMs, instantOfMs } from '../../kernel/time.ts';
import type { Ctx, Deps } from '../../platform/context.ts';
import { sha256 } from '../../platform/crypto/keyring.ts';
import { MAX_SKEW_MS } from './request-signature.ts';
import { requestNonces } from './schema.ts';

/** Stands for no key; its row is the marker, and its `expires_at` the instant since when. */
const MARKER_KEY: Id = '00000000-0000-0000-0000-000000000000';

/** Longer than a timestamp can be accepted, by more than the clocks of two nodes differ. */
const KEPT_MS = 5 * MAX_SKEW_MS;

/**
 * Spends a nonce; false where it was spent before, or where that can no longer be known.
 * @effects one row of `request_nonces`
 */
export async function spendNonce(deps: Deps, keyId: Id, nonce: string, createdMs: number): Promise<boolean> {
  const createdAt = instantOfMs(createdMs);
  const spent = await deps.db.engine.execute(sql`
    insert into request_nonces (key_id, nonce_hash, expires_at)
    select ${keyId}::uuid, ${sha256(nonce)}::bytea, ${addMs(createdAt, KEPT_MS)}::timestamptz
    from request_nonces marker
    where marker.key_id = ${MARKER_KEY}::uuid and marker.expires_at <= ${createdAt}::timestamptz
    on conflict do nothing
    returning 1`);
  if (spent.length === 1) {
    return true;
  }
  await markAgain(deps);
  return false;
}

/** Forgets nonces whose time is over. @effects rows of `request_nonces` */
export async function dropNonces({ deps }: Ctx): Promise<void> {
  await deps.db.engine
    .delete(requestNonces)
    .where(and(ne(requestNonces.keyId, MARKER_KEY), lt(requestNonces.expiresAt, deps.clock.realNow())));
}

/** Sets the marker where it is gone. */
async function markAgain(deps: Deps): Promise<void> {
  const [marked] = await deps.db.engine
    .insert(requestNonces)
    .values({ keyId: MARKER_KEY, nonceHash: new Uint8Array(), expiresAt: deps.clock.realNow() })
    .onConflictDoNothing()
    .returning();
  if (marked !== undefined) {
    deps.log.warn('the nonces of signed requests were lost; those signed before are refused');
  }
}
