import { and, eq, isNull } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { openText, sealText } from '../../platform/crypto/seal.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { refuseIdentity } from './errors.ts';
import { afterFactorAdded, afterFactorRemoved, type ShownOnce } from './factor-changes.ts';
import { notifyUser } from './notify-user.ts';
import { userPlace } from './profile.ts';
import { totpSecrets, users } from './schema.ts';
import { hasSecondFactor, requireFreshProof } from './second-factor.ts';
import { signedIn } from './signed-in.ts';
import { hasTotp, newTotpSecret, otpauthUri, stepOfCode, totpPlace } from './totp.ts';

export type TotpEnrolment = { readonly secret: string; readonly otpauthUri: string };

/**
 * Begins the enrolment of an authenticator app; the secret is answered this once. It counts from the
 * moment a code confirms it.
 * @effects one row of `totp_secrets`; audit `totp.enrolment_started`
 * @errors second_factor_enrolled, step_up_required
 */
export async function enrolTotp(ctx: Ctx): Promise<TotpEnrolment> {
  const { userId } = signedIn(ctx);
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [`login:${userId}`]);
    if (await hasTotp(tx, userId)) {
      throw refuseIdentity('second_factor_enrolled');
    }
    await requireFreshProof(tx, ctx);
    const text = newTotpSecret();
    const key = await ctx.deps.personKeys.of(tx, userId);
    const secret = sealText(key, totpPlace(userId), text);
    const createdAt = ctx.deps.clock.realNow();
    await tx
      .insert(totpSecrets)
      .values({ userId, secret, createdAt })
      .onConflictDoUpdate({ target: totpSecrets.userId, set: { secret, createdAt } });
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['totp.enrolment_started'],
      resource: { type: 'user', id: userId },
      subjectUserId: userId,
    });
    const [user] = await tx.select({ email: users.email }).from(users).where(eq(users.id, userId));
    const label = openText(key, userPlace('email', userId), present(user, 'the user is signed in').email);
    return { secret: text, otpauthUri: otpauthUri(text, ctx.deps.firmName, label) };
  });
}

/**
 * Confirms an enrolment with its first code, which is spent; the other sessions end. With the first factor
 * come recovery codes, answered this once.
 * @effects `totp_secrets.confirmed_at`, `sessions`; audit `totp.enrolled`; a notice
 * @errors second_factor_not_enrolled, second_factor_enrolled, step_up_required, second_factor_invalid
 */
export async function confirmTotp(ctx: Ctx, code: string): Promise<ShownOnce> {
  const { userId } = signedIn(ctx);
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [`login:${userId}`]);
    const [row] = await tx.select().from(totpSecrets).where(eq(totpSecrets.userId, userId));
    if (row === undefined || row.confirmedAt !== null) {
      throw refuseIdentity(row === undefined ? 'second_factor_not_enrolled' : 'second_factor_enrolled');
    }
    await requireFreshProof(tx, ctx);
    const secret = openText(await ctx.deps.personKeys.of(tx, userId), totpPlace(userId), row.secret);
    const step = stepOfCode(secret, code, ctx.deps.clock.realMs());
    if (step === undefined) {
      throw refuseIdentity('second_factor_invalid');
    }
    const isFirst = !(await hasSecondFactor(tx, userId));
    await tx
      .update(totpSecrets)
      .set({ confirmedAt: ctx.deps.clock.realNow(), lastUsedStep: step })
      .where(and(eq(totpSecrets.userId, userId), isNull(totpSecrets.confirmedAt)));
    const { ended, ...shownOnce } = await afterFactorAdded(tx, ctx, { method: 'otp', isFirst });
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['totp.enrolled'],
      resource: { type: 'user', id: userId },
      subjectUserId: userId,
      after: { ended },
    });
    await notifyUser(tx, ctx, userId, 'totp_enrolled');
    return shownOnce;
  });
}

/**
 * Removes the authenticator app; the other sessions end, and this one counts as without a second factor
 * where no other is left.
 * @effects the row of `totp_secrets`, `sessions`; audit `totp.removed`; a notice
 * @errors second_factor_not_enrolled, last_second_factor
 */
export async function removeTotp(ctx: Ctx): Promise<void> {
  const { userId } = signedIn(ctx);
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [`login:${userId}`]);
    const removed = await tx
      .delete(totpSecrets)
      .where(eq(totpSecrets.userId, userId))
      .returning({ userId: totpSecrets.userId });
    if (removed.length === 0) {
      throw refuseIdentity('second_factor_not_enrolled');
    }
    const { ended } = await afterFactorRemoved(tx, ctx);
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['totp.removed'],
      resource: { type: 'user', id: userId },
      subjectUserId: userId,
      after: { ended },
    });
    await notifyUser(tx, ctx, userId, 'totp_removed');
  });
}
