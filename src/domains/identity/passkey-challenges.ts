/**
 * Challenges of passkey ceremonies: 256 random bits, five minutes old at most, answered once whatever the
 * answer is worth. Issuing one keeps nothing, so that asking for many costs nobody storage: a challenge
 * carries its expiry, a keyed hash of what and whom it is for, and a MAC over all of it. What is kept is the
 * SHA-256 of those that were answered, until nobody could answer them any more; it is written in a
 * transaction of its own, so that no refusal later brings a challenge back.
 * @source WebAuthn Level 3, section 13.4.3
 */
import { randomBytes } from 'node:crypto';
import { lt } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { addMs, type Instant, instantOfMs } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { equalSecrets, sha256 } from '../../platform/crypto/keyring.ts';
import { transact } from '../../platform/db/transact.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { passkeyChallenges } from './schema.ts';

/** What a challenge may be answered for. */
export type ChallengePurpose = (typeof passkeyChallenges.$inferSelect)['purpose'];

/** The session a challenge is bound to; one that anybody may ask for is bound to none. */
export type ChallengeHolder = { readonly userId: Id; readonly sessionId: Id };

/** @units milliseconds */
export const CHALLENGE_MS = 5 * 60_000;

const RANDOM_BYTES = 32;
/** Milliseconds since 1970, big-endian. */
const EXPIRY_BYTES = 6;
const HASH_BYTES = 32;
const BINDING_AT = RANDOM_BYTES + EXPIRY_BYTES;
const MAC_AT = BINDING_AT + HASH_BYTES;

/**
 * Makes a challenge.
 * @shape base64url of random bytes, expiry, binding, MAC
 */
export function issueChallenge(ctx: Ctx, purpose: ChallengePurpose, holder?: ChallengeHolder): string {
  const expiry = Buffer.alloc(EXPIRY_BYTES);
  expiry.writeUIntBE(ctx.deps.clock.realMs() + CHALLENGE_MS, 0, EXPIRY_BYTES);
  const head = Buffer.concat([randomBytes(RANDOM_BYTES), expiry]);
  const bound = Buffer.concat([head, bindingOf(ctx, head, purpose, holder)]);
  return Buffer.concat([bound, macOf(ctx, bound)]).toString('base64url');
}

/**
 * Spends a challenge for good; false where it is none of ours, expired, spent before, or was made for
 * something or someone else.
 * @effects one row of `passkey_challenges`; audit `passkey.challenge_answered`
 */
export async function spendChallenge(
  ctx: Ctx,
  challenge: string,
  purpose: ChallengePurpose,
  holder?: ChallengeHolder,
): Promise<boolean> {
  const own = readChallenge(ctx, challenge);
  const now = ctx.deps.clock.realNow();
  if (own === undefined || own.expiresAt <= now) {
    return false;
  }
  const isFirst = await transact(ctx, 'engine', async (tx) => {
    const row = { challengeHash: own.hash, purpose, expiresAt: own.expiresAt, usedAt: now, ...holder };
    const kept = await tx
      .insert(passkeyChallenges)
      .values(row)
      .onConflictDoNothing({ target: passkeyChallenges.challengeHash })
      .returning({ purpose: passkeyChallenges.purpose });
    if (kept.length === 0) {
      return false;
    }
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['passkey.challenge_answered'],
      resource: { type: 'passkey_challenge', id: Buffer.from(own.hash).toString('base64url') },
      subjectUserId: holder?.userId ?? null,
      after: { purpose },
    });
    return true;
  });
  return isFirst && equalSecrets(own.binding, bindingOf(ctx, own.head, purpose, holder));
}

/**
 * Drops answered challenges once nobody could answer them again, by the clock of the slowest node either.
 * @effects rows of `passkey_challenges`; audit `passkey.challenges_dropped` where there were any
 */
export async function dropChallenges(ctx: Ctx): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const dropped = await tx
      .delete(passkeyChallenges)
      .where(lt(passkeyChallenges.expiresAt, addMs(ctx.deps.clock.realNow(), -CHALLENGE_MS)))
      .returning({ purpose: passkeyChallenges.purpose });
    if (dropped.length > 0) {
      await record(tx, ctx, {
        event: IDENTITY_EVENTS['passkey.challenges_dropped'],
        resource: { type: 'passkey_challenge', id: 'expired' },
        subjectUserId: null,
        after: { count: dropped.length },
      });
    }
  });
}

type OwnChallenge = {
  readonly hash: Uint8Array;
  readonly head: Buffer;
  readonly binding: Buffer;
  readonly expiresAt: Instant;
};

/** A challenge of ours, for whatever and whomever it was made; undefined where it was made up. */
function readChallenge(ctx: Ctx, challenge: string): OwnChallenge | undefined {
  const bytes = Buffer.from(challenge, 'base64url');
  const bound = bytes.subarray(0, MAC_AT);
  // One spelling each: Node skips what is not base64url, and another spelling would be another challenge.
  const exact = bytes.length === MAC_AT + HASH_BYTES && bytes.toString('base64url') === challenge;
  if (!exact || !equalSecrets(bytes.subarray(MAC_AT), macOf(ctx, bound))) {
    return undefined;
  }
  return {
    hash: sha256(challenge),
    head: bound.subarray(0, BINDING_AT),
    binding: bound.subarray(BINDING_AT),
    expiresAt: instantOfMs(bound.readUIntBE(RANDOM_BYTES, EXPIRY_BYTES)),
  };
}

function bindingOf(ctx: Ctx, head: Buffer, purpose: ChallengePurpose, holder?: ChallengeHolder): Uint8Array {
  const whom = holder === undefined ? '' : `${holder.userId} ${holder.sessionId}`;
  return ctx.deps.keyring.blindIndex(
    'passkey_challenge.binding',
    `${head.toString('hex')} ${purpose} ${whom}`,
  );
}

function macOf(ctx: Ctx, bound: Buffer): Uint8Array {
  return ctx.deps.keyring.blindIndex('passkey_challenge', bound.toString('hex'));
}
