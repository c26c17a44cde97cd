/**
 * The sealed emergency login: one user with the role of admin and no way in but a seal, whose two halves
 * lie in two envelopes. A seal opens one session of an hour and is burnt. The database refuses that user
 * every other credential, and everyone the end of that user (`refuse_sealed` in 0006_identity_guards.sql).
 */
import { randomBytes } from 'node:crypto';
import { and, eq, gt, inArray, isNull, or, type SQL, sql } from 'drizzle-orm';
import type { Ctx } from '../../platform/context.ts';
import { equalSecrets, sha256 } from '../../platform/crypto/keyring.ts';
import type { Tx } from '../../platform/db/client.ts';
import { formatRecoveryCode, readRecoveryCode } from './recovery-code-format.ts';
import { breakGlassSeals } from './schema.ts';

export type Seal = typeof breakGlassSeals.$inferSelect;

/** What lies in the two envelopes. */
export type SealHalves = { readonly firstHalf: string; readonly secondHalf: string };

/** Held by whoever makes, opens or revokes a seal. */
export const SEAL_LOCK = 'break_glass';

/** @units milliseconds */
export const SEALED_SESSION_MS = 3_600_000;

/** 160 random bits a half: eight groups of four. */
const HALF_BYTES = 20;

/** A half that nobody can guess, as people write it down. */
export function newHalf(): string {
  return formatRecoveryCode(randomBytes(HALF_BYTES));
}

/** What is kept of a half, which is too random to be guessed from its hash. */
export function hashOfHalf(half: string, which: 'first' | 'second'): Uint8Array {
  return sha256(`break-glass ${which} ${readRecoveryCode(half)}`);
}

/** The seal both halves belong to, whatever became of it. */
export async function findSeal(tx: Tx, halves: SealHalves): Promise<Seal | undefined> {
  const [seal] = await tx
    .select()
    .from(breakGlassSeals)
    .where(eq(breakGlassSeals.firstHash, hashOfHalf(halves.firstHalf, 'first')));
  return seal !== undefined && equalSecrets(seal.secondHash, hashOfHalf(halves.secondHalf, 'second'))
    ? seal
    : undefined;
}

/**
 * Whether one of the halves is out of an envelope of ours, old or new, whichever it was sent as: nobody
 * guesses 160 bits, so whoever knows one holds an envelope.
 */
export async function knowsHalf(tx: Tx, halves: SealHalves): Promise<boolean> {
  const sent = [halves.firstHalf, halves.secondHalf];
  const hashes = (which: 'first' | 'second') => sent.map((half) => hashOfHalf(half, which));
  const known = or(
    inArray(breakGlassSeals.firstHash, hashes('first')),
    inArray(breakGlassSeals.secondHash, hashes('second')),
  );
  return (await tx.$count(breakGlassSeals, known)) > 0;
}

/** Seals that could still be opened. */
export function isLiveSeal(ctx: Ctx): SQL | undefined {
  return and(
    isNull(breakGlassSeals.openedAt),
    isNull(breakGlassSeals.revokedAt),
    gt(breakGlassSeals.expiresAt, ctx.deps.clock.realNow()),
  );
}

/** Whether a user is the sealed login, as an SQL value for queries that select from `users`. */
export const isSealedColumn = sql<boolean>`exists (
  select from break_glass_seals seal where seal.user_id = users.id)`;
