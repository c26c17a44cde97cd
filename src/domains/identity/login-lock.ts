/**
 * The lock on guessing: durable, per user, counted one attempt after another. Passwords, codes and recovery
 * codes share it. A passkey cannot be guessed: it neither counts nor stops at the lock, so that a stranger
 * who guesses at an address does not lock its owner out.
 * @source OWASP ASVS 5.0, 6.1.1
 */
import { eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { notifyUser } from './notify-user.ts';
import { lockMs, TELLING_FAILURES } from './rules.ts';
import { credentials } from './schema.ts';

export type LoginLock = {
  readonly locked: boolean;
  readonly failedAttempts: number;
  readonly passwordHash: string | null;
};

/** Reads the lock and keeps other attempts of this user out until the transaction ends. */
export async function readLock(tx: Tx, ctx: Ctx, userId: Id): Promise<LoginLock> {
  await lockExclusive(tx, [`login:${userId}`]);
  const [row] = await tx.select().from(credentials).where(eq(credentials.userId, userId));
  return {
    locked: row?.lockedUntil != null && row.lockedUntil > ctx.deps.clock.realNow(),
    failedAttempts: row?.failedAttempts ?? 0,
    passwordHash: row?.passwordHash ?? null,
  };
}

/**
 * Counts a failure and locks where it was one too many.
 * @effects one row of `credentials`; audit `login.failed` or `login.locked`, with a notice
 */
export async function recordFailure(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  lock: LoginLock,
  reason: 'password' | 'second_factor',
): Promise<void> {
  const failedAttempts = lock.failedAttempts + 1;
  const forMs = lockMs(failedAttempts);
  const lockedUntil = forMs === 0 ? null : addMs(ctx.deps.clock.realNow(), forMs);
  await tx.update(credentials).set({ failedAttempts, lockedUntil }).where(eq(credentials.userId, userId));
  await record(tx, ctx, {
    event: IDENTITY_EVENTS[lockedUntil === null ? 'login.failed' : 'login.locked'],
    resource: { type: 'user', id: userId },
    subjectUserId: userId,
    after: { failedAttempts, lockedUntil, reason },
  });
  if (lockedUntil !== null) {
    await notifyUser(tx, ctx, userId, 'login_locked');
  } else if (reason === 'second_factor' && failedAttempts === TELLING_FAILURES) {
    await notifyUser(tx, ctx, userId, 'second_factor_failing');
  }
}

/**
 * Notes a passkey that proved nothing; it counts towards no lock.
 * @effects audit `login.failed`
 */
export async function recordRefusedPasskey(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['login.failed'],
    resource: { type: 'user', id: userId },
    subjectUserId: userId,
    after: { reason: 'passkey' },
  });
}
