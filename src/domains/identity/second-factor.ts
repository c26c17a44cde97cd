/**
 * What counts as a second factor: a confirmed authenticator app, or at least one passkey. Recovery codes
 * stand in for one, they are none.
 */
import { eq, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { msOfInstant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { STEP_UP_MS } from '../../platform/http/authorise.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { sessions, users } from './schema.ts';
import { signedIn } from './signed-in.ts';

/** How old a sign-in may be that adds the first factor. @units milliseconds */
const FRESH_SIGN_IN_MS = 15 * 60_000;

export type Factors = { readonly totp: boolean; readonly passkeys: number; readonly recoveryCodes: number };

/** Whether a user has a second factor. */
export async function hasSecondFactor(tx: Tx, userId: Id): Promise<boolean> {
  const [row] = await tx.select({ has: secondFactorColumn }).from(users).where(eq(users.id, userId));
  return row?.has ?? false;
}

/** Whether a user has a second factor as an SQL value, for queries that select from `users`. */
export const secondFactorColumn = sql<boolean>`(
  exists (select from totp_secrets totp where totp.user_id = users.id and totp.confirmed_at is not null)
  or exists (select from passkeys passkey where passkey.user_id = users.id))`;

/** The factors a user has enrolled, and the recovery codes that are left. */
export async function factorsOf(tx: Tx, userId: Id): Promise<Factors> {
  const [row] = await tx
    .select({
      totp: sql<boolean>`exists (select from totp_secrets totp
        where totp.user_id = users.id and totp.confirmed_at is not null)`,
      passkeys: sql<number>`(select count(*)::int from passkeys passkey where passkey.user_id = users.id)`,
      recoveryCodes: sql<number>`(select count(*)::int from recovery_codes code
        where code.user_id = users.id and code.used_at is null)`,
    })
    .from(users)
    .where(eq(users.id, userId));
  return present(row, 'the user is there');
}

/**
 * Asks for fresh proof of who is there before a factor is added: the second factor within five minutes
 * where there is one, else a sign-in at most fifteen minutes old.
 * @errors forbidden, step_up_required
 */
export async function requireFreshProof(tx: Tx, ctx: Ctx): Promise<void> {
  const { userId, sessionId } = signedIn(ctx);
  const [session] = await tx
    .select({ loggedInAt: sessions.loggedInAt, mfaAt: sessions.mfaAt })
    .from(sessions)
    .where(eq(sessions.id, sessionId));
  const enrolled = await hasSecondFactor(tx, userId);
  const provedAt = enrolled ? session?.mfaAt : session?.loggedInAt;
  const longestMs = enrolled ? STEP_UP_MS : FRESH_SIGN_IN_MS;
  if (provedAt == null || ctx.deps.clock.realMs() - msOfInstant(provedAt) > longestMs) {
    throw refuse('step_up_required');
  }
}
