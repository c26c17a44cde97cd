/**
 * Codes for someone who lost their second factor: ten of 120 random bits, kept as keyed hashes, shown
 * once, each good for one sign-in together with the password.
 * @source NIST SP 800-63B 3.1.2 (look-up secrets)
 */
import { randomBytes } from 'node:crypto';
import { and, count, eq, isNull, min } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { refuseIdentity } from './errors.ts';
import { notifyUser } from './notify-user.ts';
import { formatRecoveryCode, readRecoveryCode } from './recovery-code-format.ts';
import { recoveryCodes } from './schema.ts';
import { hasSecondFactor } from './second-factor.ts';
import { signedIn } from './signed-in.ts';

const CODES = 10;
const CODE_BYTES = 15;

/** How many recovery codes are left, and since when. */
export async function countRecoveryCodes(
  ctx: Ctx,
): Promise<{ readonly left: number; readonly createdAt: Instant | null }> {
  const { userId } = signedIn(ctx);
  const [row] = await ctx.deps.db.engine
    .select({ left: count(), createdAt: min(recoveryCodes.createdAt) })
    .from(recoveryCodes)
    .where(and(eq(recoveryCodes.userId, userId), isNull(recoveryCodes.usedAt)));
  return { left: row?.left ?? 0, createdAt: row?.createdAt ?? null };
}

/**
 * Makes new recovery codes; the older ones stop working.
 * @effects as `makeRecoveryCodes`; a notice
 * @errors second_factor_not_enrolled
 */
export async function replaceRecoveryCodes(ctx: Ctx): Promise<readonly string[]> {
  const { userId } = signedIn(ctx);
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [`login:${userId}`]);
    if (!(await hasSecondFactor(tx, userId))) {
      throw refuseIdentity('second_factor_not_enrolled');
    }
    await notifyUser(tx, ctx, userId, 'recovery_codes_made');
    return makeRecoveryCodes(tx, ctx, userId);
  });
}

/**
 * Makes the recovery codes of a user; they are answered this once.
 * @effects rows of `recovery_codes`, the older ones gone; audit `recovery_codes.made`
 */
export async function makeRecoveryCodes(tx: Tx, ctx: Ctx, userId: Id): Promise<readonly string[]> {
  const codes = Array.from({ length: CODES }, () => formatRecoveryCode(randomBytes(CODE_BYTES)));
  const createdAt = ctx.deps.clock.realNow();
  await dropRecoveryCodes(tx, userId);
  await tx
    .insert(recoveryCodes)
    .values(codes.map((code) => ({ userId, codeHash: hashOf(ctx, userId, code), createdAt })));
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['recovery_codes.made'],
    resource: { type: 'user', id: userId },
    subjectUserId: userId,
    after: { count: codes.length },
  });
  return codes;
}

/**
 * Spends a recovery code; false where it is none of theirs or was used before.
 * @effects `recovery_codes.used_at`; audit `recovery_code.used`; a notice
 */
export async function spendRecoveryCode(tx: Tx, ctx: Ctx, userId: Id, code: string): Promise<boolean> {
  const spent = await tx
    .update(recoveryCodes)
    .set({ usedAt: ctx.deps.clock.realNow() })
    .where(
      and(
        eq(recoveryCodes.userId, userId),
        eq(recoveryCodes.codeHash, hashOf(ctx, userId, code)),
        isNull(recoveryCodes.usedAt),
      ),
    )
    .returning({ userId: recoveryCodes.userId });
  if (spent.length === 0) {
    return false;
  }
  const left = and(eq(recoveryCodes.userId, userId), isNull(recoveryCodes.usedAt));
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['recovery_code.used'],
    resource: { type: 'user', id: userId },
    subjectUserId: userId,
    after: { left: await tx.$count(recoveryCodes, left) },
  });
  await notifyUser(tx, ctx, userId, 'recovery_code_used');
  return true;
}

/** Ends every recovery code of a user. @effects rows of `recovery_codes` */
export async function dropRecoveryCodes(tx: Tx, userId: Id): Promise<void> {
  await tx.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId));
}

/** Bound to the user, so that equal codes of two people would not look alike. */
function hashOf(ctx: Ctx, userId: Id, code: string): Uint8Array {
  return ctx.deps.keyring.blindIndex('recovery_codes', `${userId} ${readRecoveryCode(code)}`);
}
