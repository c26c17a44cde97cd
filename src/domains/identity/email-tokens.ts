/** Tokens sent by mail: 256 random bits, stored as SHA-256, short-lived, spent by their first use. */
import { randomBytes } from 'node:crypto';
import { and, eq, gt, isNull, type SQL } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import { sha256 } from '../../platform/crypto/keyring.ts';
import type { Tx } from '../../platform/db/client.ts';
import { emailTokens } from './schema.ts';

export type EmailPurpose = (typeof emailTokens.$inferSelect)['purpose'];

const LIFETIME_MS: Readonly<Record<EmailPurpose, number>> = {
  verify_email: 24 * 3_600_000,
  reset_password: 30 * 60_000,
};
const TOKEN_BYTES = 32;

/** A token that looks like any other and opens nothing unless it is stored. */
export function randomToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/**
 * Makes a token; older ones of the same purpose stop working.
 * @units lifetimeMs in milliseconds
 * @effects one row of `email_tokens`
 */
export async function createEmailToken(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  purpose: EmailPurpose,
  lifetimeMs: number = LIFETIME_MS[purpose],
): Promise<string> {
  const token = randomToken();
  await voidEmailTokens(tx, ctx, userId, purpose);
  await tx.insert(emailTokens).values({
    tokenHash: sha256(token),
    userId,
    purpose,
    expiresAt: addMs(ctx.deps.clock.realNow(), lifetimeMs),
  });
  return token;
}

/** Makes the tokens of a purpose useless, such as those that reset a password which has changed. */
export async function voidEmailTokens(tx: Tx, ctx: Ctx, userId: Id, purpose: EmailPurpose): Promise<void> {
  await tx
    .update(emailTokens)
    .set({ usedAt: ctx.deps.clock.realNow() })
    .where(and(eq(emailTokens.userId, userId), eq(emailTokens.purpose, purpose), isNull(emailTokens.usedAt)));
}

/** Whom a token is of, without spending it; undefined as for `spendEmailToken`. */
export async function ownerOfEmailToken(
  tx: Tx,
  ctx: Ctx,
  token: string,
  purpose: EmailPurpose,
): Promise<Id | undefined> {
  const [row] = await tx
    .select({ userId: emailTokens.userId })
    .from(emailTokens)
    .where(isUsable(ctx, token, purpose));
  return row?.userId;
}

/**
 * Spends a token; undefined where it is unknown, spent, expired or meant for something else.
 * @effects `email_tokens.used_at`
 */
export async function spendEmailToken(
  tx: Tx,
  ctx: Ctx,
  token: string,
  purpose: EmailPurpose,
): Promise<Id | undefined> {
  const [spent] = await tx
    .update(emailTokens)
    .set({ usedAt: ctx.deps.clock.realNow() })
    .where(isUsable(ctx, token, purpose))
    .returning({ userId: emailTokens.userId });
  return spent?.userId;
}

function isUsable(ctx: Ctx, token: string, purpose: EmailPurpose): SQL | undefined {
  return and(
    eq(emailTokens.tokenHash, sha256(token)),
    eq(emailTokens.purpose, purpose),
    isNull(emailTokens.usedAt),
    gt(emailTokens.expiresAt, ctx.deps.clock.realNow()),
  );
}
