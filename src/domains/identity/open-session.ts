import { type Id, newId } from '../../kernel/id.ts';
import { addMs, type Instant, msOfInstant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx, Deps } from '../../platform/context.ts';
import { sealJson } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { ACCESS_TOKEN_SECONDS, issueAccessToken } from './access-tokens.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { newRefreshToken } from './refresh-tokens.ts';
import { sessions } from './schema.ts';

/** A session that nobody refreshes for this long is over. */
export const IDLE_MS = 12 * 3_600_000;
const ABSOLUTE_MS = 7 * 24 * 3_600_000;

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
  readonly refreshToken: string;
};

/** What a client told of itself, sealed under the person's key. */
export type SessionClient = { readonly ip: string; readonly userAgent: string };

/**
 * Starts a session of someone who has proved who they are.
 * @effects one row of `sessions`; audit `session.opened`
 */
export async function openSession(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  secondFactorChecked: boolean,
): Promise<OpenedSession> {
  const id = newId();
  const now = ctx.deps.clock.realNow();
  const refresh = newRefreshToken(ctx.deps.keyring, id);
  const client: SessionClient = { ip: ctx.client.ip, userAgent: ctx.client.userAgent };
  const session = {
    id,
    userId,
    refreshHash: refresh.hash,
    client: sealJson(await ctx.deps.personKeys.of(tx, userId), clientPlace(id), client),
    mfaAt: secondFactorChecked ? now : null,
    loggedInAt: now,
    lastActiveAt: now,
    idleExpiresAt: addMs(now, IDLE_MS),
    absoluteExpiresAt: addMs(now, ABSOLUTE_MS),
  };
  await tx.insert(sessions).values(session);
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['session.opened'],
    resource: { type: 'session', id },
    subjectUserId: userId,
    after: {
      secondFactor: secondFactorChecked,
      idleExpiresAt: session.idleExpiresAt,
      absoluteExpiresAt: session.absoluteExpiresAt,
    },
  });
  return { id, userId, mfaAt: session.mfaAt, refreshToken: refresh.token };
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
  session: Pick<OpenedSession, 'id' | 'userId' | 'mfaAt'>,
  roles: readonly string[],
): Promise<string> {
  const mfaAtMs = session.mfaAt === null ? null : msOfInstant(session.mfaAt);
  return issueAccessToken(deps, { userId: session.userId, sessionId: session.id, roles, mfaAtMs });
}

/** Where the sealed client of a session lives. */
export function clientPlace(sessionId: Id) {
  return { table: 'sessions', column: 'client', rowId: sessionId };
}
