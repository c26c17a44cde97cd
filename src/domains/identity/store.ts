import { and, desc, eq, isNotNull, isNull } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import { openJson } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { clientPlace, type SessionClient } from './open-session.ts';
import { openUser, type Profile } from './profile.ts';
import { type AccountType, accountTypeOf } from './rules.ts';
import { customerGates, sessions, totpSecrets, users } from './schema.ts';
import { secondFactorColumn } from './second-factor.ts';
import { rolesColumn } from './session-state.ts';
import { signedIn } from './signed-in.ts';

type User = typeof users.$inferSelect;
type Gate = typeof customerGates.$inferSelect;

/** What a person is shown of themselves; screening and restriction are not theirs to see. */
export type Me = Profile &
  Pick<User, 'id' | 'status' | 'riskProfile' | 'lastLoginAt' | 'createdAt' | 'version'> &
  Pick<Gate, 'kycStatus' | 'kycLevel' | 'agreementsCurrent'> & {
    readonly email: string;
    readonly emailVerified: boolean;
    readonly phone: string | null;
    readonly roles: readonly Role[];
    readonly accountType: AccountType;
    readonly secondFactorEnabled: boolean;
  };

/** The person acting, as they see themselves. @errors forbidden */
export async function getMe(ctx: Ctx): Promise<Me> {
  const { userId } = signedIn(ctx);
  return transact(ctx, 'app', (tx) => readMe(tx, ctx, userId));
}

/** Reads a person as they see themselves. */
export async function readMe(tx: Tx, ctx: Ctx, userId: Id): Promise<Me> {
  const [row] = await tx
    .select({ user: users, gate: customerGates, roles: rolesColumn, secondFactor: secondFactorColumn })
    .from(users)
    .innerJoin(customerGates, eq(customerGates.userId, users.id))
    .where(eq(users.id, userId));
  const { user, gate, roles, secondFactor } = present(row, 'every user has a gate');
  const { profile, email, phone } = openUser(await ctx.deps.personKeys.of(tx, userId), user);
  return {
    ...profile,
    id: user.id,
    email,
    emailVerified: user.emailVerifiedAt !== null,
    phone,
    status: user.status,
    riskProfile: user.riskProfile,
    lastLoginAt: user.lastLoginAt,
    createdAt: user.createdAt,
    version: user.version,
    kycStatus: gate.kycStatus,
    kycLevel: gate.kycLevel,
    agreementsCurrent: gate.agreementsCurrent,
    roles,
    accountType: accountTypeOf(user.emailVerifiedAt !== null, gate.kycStatus),
    secondFactorEnabled: secondFactor,
  };
}

export type SessionView = SessionClient & {
  readonly id: Id;
  readonly current: boolean;
  readonly secondFactor: boolean;
  /** How the person proved who they are, as in a token's `amr`. */
  readonly methods: readonly string[];
  readonly loggedInAt: Instant;
  readonly lastActiveAt: Instant;
  readonly idleExpiresAt: Instant;
  readonly absoluteExpiresAt: Instant;
};

/** The live sessions of the person acting, newest first. */
export async function listSessions(ctx: Ctx): Promise<readonly SessionView[]> {
  const { userId, sessionId } = signedIn(ctx);
  return transact(ctx, 'app', async (tx) => {
    const rows = await tx
      .select()
      .from(sessions)
      .where(and(eq(sessions.userId, userId), isNull(sessions.revokedAt)))
      .orderBy(desc(sessions.id))
      .limit(200);
    const key = await ctx.deps.personKeys.of(tx, userId);
    const now = ctx.deps.clock.realNow();
    return rows
      .filter((session) => session.idleExpiresAt > now && session.absoluteExpiresAt > now)
      .map((session) => ({
        ...session,
        ...openJson<SessionClient>(key, clientPlace(session.id), session.client),
        current: session.id === sessionId,
        secondFactor: session.mfaAt !== null,
      }));
  });
}

/** Whether the person acting has an authenticator app, and since when. */
export async function getTotp(
  ctx: Ctx,
): Promise<{ readonly enabled: boolean; readonly confirmedAt: Instant | null }> {
  const { userId } = signedIn(ctx);
  return transact(ctx, 'app', async (tx) => {
    const [row] = await tx
      .select({ confirmedAt: totpSecrets.confirmedAt })
      .from(totpSecrets)
      .where(and(eq(totpSecrets.userId, userId), isNotNull(totpSecrets.confirmedAt)));
    return { enabled: row !== undefined, confirmedAt: row?.confirmedAt ?? null };
  });
}
