import { eq, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs, type Instant, msOfInstant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx, Deps } from '../../platform/context.ts';
import { sealJson } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { onCommit } from '../../platform/db/transact.ts';
import { ACCESS_TOKEN_SECONDS, issueAccessToken } from './access-tokens.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { refuseIdentity } from './errors.ts';
import { newRefreshToken } from './refresh-tokens.ts';
import { roleGrants, sessions, users } from './schema.ts';
import { sessionLimitsOf } from './session-limits.ts';
import { forgetSessions } from './session-state.ts';

/**
 * How a person proved who they are, as a token's `amr` says it: password, one-time code, passkey,
 * recovery code, sealed emergency login.
 * @source RFC 8176; the last two are ours
 */
export type SignInMethod = 'pwd' | 'otp' | 'hwk' | 'recovery' | 'break_glass';

export type SignIn = {
  readonly methods: readonly SignInMethod[];
  /** Whether what was checked counts as two factors. */
  readonly secondFactor: boolean;
  /** Ends the session earlier than the person's roles do. @units milliseconds */
  readonly absoluteMs?: number;
};

export type Tokens = {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** @units seconds */
  readonly expiresIn: number;
  readonly tokenType: 'Bearer';
};

export type OpenedSession = {
  readonly id: Id;
  readonly userId: Id;
  readonly mfaAt: Instant | null;
  readonly methods: readonly string[];
  readonly refreshToken: string;
};

/** What an access token says of a session. */
export type ProvenSession = Pick<OpenedSession, 'id' | 'userId' | 'mfaAt' | 'methods'>;

/** What a client told of itself, sealed under the person's key. */
export type SessionClient = { readonly ip: string; readonly userAgent: string };

/**
 * Starts a session of someone who has proved who they are; their roles decide how long it may last.
 * @effects one row of `sessions`; audit `session.opened`
 * @errors account_restricted
 */
export async function openSession(tx: Tx, ctx: Ctx, userId: Id, signIn: SignIn): Promise<OpenedSession> {
  // Whoever shuts the person out locks this row too: either they end this session, or we see them.
  const user = await lockRow(tx, users, userId);
  if (user === undefined || user.status === 'suspended' || user.status === 'closed') {
    throw refuseIdentity('account_restricted');
  }
  const id = newId();
  const now = ctx.deps.clock.realNow();
  const refresh = newRefreshToken(ctx.deps.keyring, id);
  const client: SessionClient = { ip: ctx.client.ip, userAgent: ctx.client.userAgent };
  const grants = await tx
    .select({ role: roleGrants.role })
    .from(roleGrants)
    .where(eq(roleGrants.userId, userId));
  const limits = sessionLimitsOf(grants.map((grant) => grant.role));
  const absoluteMs = Math.min(limits.absoluteMs, signIn.absoluteMs ?? limits.absoluteMs);
  const session = {
    id,
    userId,
    refreshHash: refresh.hash,
    client: sealJson(await ctx.deps.personKeys.of(tx, userId), clientPlace(id), client),
    methods: [...signIn.methods],
    mfaAt: signIn.secondFactor ? now : null,
    loggedInAt: now,
    lastActiveAt: now,
    idleExpiresAt: addMs(now, Math.min(limits.idleMs, absoluteMs)),
    absoluteExpiresAt: addMs(now, absoluteMs),
  };
  await tx.insert(sessions).values(session);
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['session.opened'],
    resource: { type: 'session', id },
    subjectUserId: userId,
    after: { ...session, secondFactor: signIn.secondFactor },
  });
  return { ...session, refreshToken: refresh.token };
}

/**
 * Notes a second factor that was checked within a session.
 * @effects one row of `sessions`
 */
export async function noteSecondFactor(
  tx: Tx,
  ctx: Ctx,
  sessionId: Id,
  method: SignInMethod,
): Promise<ProvenSession> {
  const [session] = await tx
    .update(sessions)
    .set({
      mfaAt: ctx.deps.clock.realNow(),
      methods: sql`array(select distinct unnest(${sessions.methods} || ${method}::text) order by 1)`,
    })
    .where(eq(sessions.id, sessionId))
    .returning({
      id: sessions.id,
      userId: sessions.userId,
      mfaAt: sessions.mfaAt,
      methods: sessions.methods,
    });
  onCommit(tx, () => forgetSessions(ctx.deps, [sessionId]));
  return present(session, 'the session that asks exists');
}

/** The tokens of a session, as sign-in and refresh answer them. */
export async function tokensOf(
  deps: Deps,
  session: OpenedSession,
  roles: readonly string[],
): Promise<Tokens> {
  return {
    accessToken: await accessTokenOf(deps, session, roles),
    refreshToken: session.refreshToken,
    expiresIn: ACCESS_TOKEN_SECONDS,
    tokenType: 'Bearer',
  };
}

/** Another access token of a session that is open. */
export async function accessTokenOf(
  deps: Deps,
  session: ProvenSession,
  roles: readonly string[],
): Promise<string> {
  const mfaAtMs = session.mfaAt === null ? null : msOfInstant(session.mfaAt);
  const { userId, id: sessionId, methods } = session;
  return issueAccessToken(deps, { userId, sessionId, roles, methods, mfaAtMs });
}

/** Where the sealed client of a session lives. */
export function clientPlace(sessionId: Id) {
  return { table: 'sessions', column: 'client', rowId: sessionId };
}
