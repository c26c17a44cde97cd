import { randomBytes } from 'node:crypto';
import { and, desc, isNull } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs, type Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { notifyAdmins } from './admin-people.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { createUser } from './create-user.ts';
import { breakGlassSeals } from './schema.ts';
import { hashOfHalf, isLiveSeal, newHalf, SEAL_LOCK, type Seal, type SealHalves } from './sealed-login.ts';

const LIFETIME_MS = 365 * 24 * 3_600_000;

export type NewSeal = SealHalves & {
  readonly id: Id;
  /** The user every action of an emergency is recorded under. */
  readonly userId: Id;
  readonly expiresAt: Instant;
  readonly replaced: number;
};

/**
 * Makes a seal for the emergency login; the one before stops working. The halves are answered this once.
 * @effects rows of `break_glass_seals`, and the sealed user at the first; audit `break_glass.sealed`; a
 *   notice to each admin
 */
export async function sealBreakGlass(ctx: Ctx): Promise<NewSeal> {
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [SEAL_LOCK]);
    const userId = (await sealedUser(tx)) ?? (await createSealedUser(tx, ctx));
    const replaced = await revokeLive(tx, ctx);
    const halves = { firstHalf: newHalf(), secondHalf: newHalf() };
    const now = ctx.deps.clock.realNow();
    const seal = {
      id: newId(),
      userId,
      firstHash: hashOfHalf(halves.firstHalf, 'first'),
      secondHash: hashOfHalf(halves.secondHalf, 'second'),
      createdAt: now,
      expiresAt: addMs(now, LIFETIME_MS),
    };
    await tx.insert(breakGlassSeals).values(seal);
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['break_glass.sealed'],
      resource: { type: 'seal', id: seal.id },
      subjectUserId: userId,
      after: { expiresAt: seal.expiresAt, replaced },
    });
    await notifyAdmins(tx, ctx, 'break_glass_sealed');
    return { ...halves, id: seal.id, userId, expiresAt: seal.expiresAt, replaced };
  });
}

/**
 * Makes the live seal useless without a new one; answers whether there was one.
 * @effects rows of `break_glass_seals`; audit `break_glass.revoked`; a notice to each admin
 */
export async function revokeBreakGlass(ctx: Ctx): Promise<boolean> {
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [SEAL_LOCK]);
    const revoked = await revokeLive(tx, ctx);
    const [newest] = await newestSeals(tx);
    if (revoked === 0 || newest === undefined) {
      return false;
    }
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['break_glass.revoked'],
      resource: { type: 'seal', id: newest.id },
      subjectUserId: newest.userId,
    });
    await notifyAdmins(tx, ctx, 'break_glass_revoked');
    return true;
  });
}

/** The newest seal, whatever became of it. */
export async function readNewestSeal(ctx: Ctx): Promise<Seal | undefined> {
  return transact(ctx, 'engine', async (tx) => (await newestSeals(tx))[0]);
}

async function newestSeals(tx: Tx): Promise<readonly Seal[]> {
  return tx.select().from(breakGlassSeals).orderBy(desc(breakGlassSeals.id)).limit(1);
}

async function revokeLive(tx: Tx, ctx: Ctx): Promise<number> {
  const live = and(isNull(breakGlassSeals.openedAt), isNull(breakGlassSeals.revokedAt));
  const usable = await tx.$count(breakGlassSeals, isLiveSeal(ctx));
  await tx.update(breakGlassSeals).set({ revokedAt: ctx.deps.clock.realNow() }).where(live);
  return usable;
}

async function sealedUser(tx: Tx): Promise<Id | undefined> {
  return (await newestSeals(tx))[0]?.userId;
}

/** Its address is nobody's and cannot be guessed, so that nothing finds it by e-mail. */
async function createSealedUser(tx: Tx, ctx: Ctx): Promise<Id> {
  const user = await createUser(
    { ...ctx, tx },
    {
      email: `${randomBytes(20).toString('hex')}@sealed.invalid`,
      firstName: 'Emergency',
      lastName: 'Login',
      roles: ['admin'],
      emailVerified: true,
    },
  );
  return user.id;
}
