/**
 * A retried request has one effect (I11): its key is claimed by the effect's own transaction, so a
 * parallel retry waits for the first and then replays its answer; a refusal rolls the claim back.
 */
import { and, eq, sql } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Ctx } from '../context.ts';
import { equalSecrets, sha256 } from '../crypto/keyring.ts';
import { openJson, sealJson } from '../crypto/seal.ts';
import type { Tx } from '../db/client.ts';
import { sqlStateOf } from '../db/errors.ts';
import { idempotencyKeys } from '../db/schema.ts';
import { refuse } from './refuse.ts';

const WAIT = '10s';

export type Claim = {
  readonly scopeId: Id;
  readonly method: string;
  readonly path: string;
  readonly key: string;
};

export type KeptAnswer = { readonly status: number; readonly body: unknown };

/**
 * Reads the header: 8 to 255 printable characters, bare or quoted.
 * @errors idempotency_key_missing, idempotency_key_invalid
 */
export function readIdempotencyKey(header: string | null): string {
  if (header === null || header === '') {
    throw refuse('idempotency_key_missing');
  }
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header;
  if (!/^[\x21-\x7e]{8,255}$/.test(key)) {
    throw refuse('idempotency_key_invalid');
  }
  return key;
}

/** Binds a key to what was asked. */
export function requestHash(body: unknown): Uint8Array {
  return sha256(canonicalJson((body ?? null) as Json));
}

/**
 * Claims the key or finds the answer it already has.
 * @errors idempotency_in_progress after ten seconds, idempotency_key_reused
 */
export async function claimKey(
  tx: Tx,
  ctx: Ctx,
  claim: Claim,
  hash: Uint8Array,
): Promise<KeptAnswer | undefined> {
  const userId = present(personOf(ctx.actor), 'a key belongs to a person');
  await tx.execute(sql`select set_config('lock_timeout', ${WAIT}, true)`);
  const [claimed] = await tx
    .insert(idempotencyKeys)
    .values({ ...claim, id: newId(), userId, requestHash: hash, createdAt: ctx.deps.clock.realNow() })
    .onConflictDoNothing()
    .returning({ id: idempotencyKeys.id })
    .catch((error: unknown) => {
      throw sqlStateOf(error) === '55P03' ? refuse('idempotency_in_progress') : error;
    });
  await tx.execute(sql`select set_config('lock_timeout', '0', true)`);
  return claimed === undefined ? replay(tx, ctx, claim, hash, userId) : undefined;
}

/** Keeps the answer with the effect. */
export async function keepAnswer(tx: Tx, ctx: Ctx, claim: Claim, answer: KeptAnswer): Promise<void> {
  const userId = present(personOf(ctx.actor), 'a key belongs to a person');
  const personKey = await ctx.deps.personKeys.of(tx, userId);
  const body = sealJson(personKey, placeOf(claim), answer.body ?? null);
  await tx.update(idempotencyKeys).set({ status: answer.status, body }).where(matching(claim));
}

async function replay(tx: Tx, ctx: Ctx, claim: Claim, hash: Uint8Array, userId: Id): Promise<KeptAnswer> {
  const [row] = await tx.select().from(idempotencyKeys).where(matching(claim));
  if (row === undefined || !equalSecrets(row.requestHash, hash) || row.userId !== userId) {
    throw refuse('idempotency_key_reused');
  }
  const personKey = await ctx.deps.personKeys.of(tx, userId);
  const body = openJson(personKey, placeOf(claim), present(row.body, 'a committed key has its answer'));
  return { status: present(row.status, 'a committed key has its answer'), body };
}

function matching(claim: Claim) {
  return and(
    eq(idempotencyKeys.scopeId, claim.scopeId),
    eq(idempotencyKeys.method, claim.method),
    eq(idempotencyKeys.path, claim.path),
    eq(idempotencyKeys.key, claim.key),
  );
}

function placeOf(claim: Claim) {
  return {
    table: 'idempotency_keys',
    column: 'body',
    rowId: `${claim.scopeId} ${claim.method} ${claim.path} ${claim.key}`,
  };
}
