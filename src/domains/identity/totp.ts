/**
 * Time-based one-time codes: SHA-1, six digits, thirty seconds, one step of tolerance each way, as
 * every authenticator app expects. A code works once: the step it belongs to is spent in the database.
 * @source RFC 6238
 */
import { and, eq, isNotNull, lt } from 'drizzle-orm';
import { Secret, TOTP } from 'otpauth';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { openText, type Place } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { totpSecrets } from './schema.ts';

const STEP_SECONDS = 30;
const SECRET_BYTES = 20;

/** A new secret in base32. */
export function newTotpSecret(): string {
  return new Secret({ size: SECRET_BYTES }).base32;
}

/** What an authenticator app scans. */
export function otpauthUri(secret: string, issuer: string, label: string): string {
  return new TOTP({
    issuer,
    label,
    secret: Secret.fromBase32(secret),
    digits: 6,
    period: STEP_SECONDS,
  }).toString();
}

/** The step a code belongs to, or undefined where it is none of now's. @units steps of 30 s since 1970 */
export function stepOfCode(secret: string, code: string, nowMs: number): number | undefined {
  const totp = new TOTP({ secret: Secret.fromBase32(secret), digits: 6, period: STEP_SECONDS });
  const delta = totp.validate({ token: code, timestamp: nowMs, window: 1 });
  return delta === null ? undefined : Math.floor(nowMs / (STEP_SECONDS * 1000)) + delta;
}

/** Whether a user has an authenticator app. */
export async function hasTotp(tx: Tx, userId: Id): Promise<boolean> {
  const rows = await tx
    .select({ userId: totpSecrets.userId })
    .from(totpSecrets)
    .where(and(eq(totpSecrets.userId, userId), isNotNull(totpSecrets.confirmedAt)));
  return rows.length > 0;
}

/**
 * Checks a code of an enrolled factor and spends its step, so that no copy of it works again.
 * @effects `totp_secrets.last_used_step`
 */
export async function spendCode(tx: Tx, ctx: Ctx, userId: Id, code: string): Promise<boolean> {
  const [row] = await tx.select().from(totpSecrets).where(eq(totpSecrets.userId, userId));
  if (row === undefined) {
    return false;
  }
  const secret = openText(await ctx.deps.personKeys.of(tx, userId), totpPlace(userId), row.secret);
  const step = stepOfCode(secret, code, ctx.deps.clock.realMs());
  if (step === undefined) {
    return false;
  }
  const spent = await tx
    .update(totpSecrets)
    .set({ lastUsedStep: step })
    .where(
      and(
        eq(totpSecrets.userId, userId),
        isNotNull(totpSecrets.confirmedAt),
        lt(totpSecrets.lastUsedStep, step),
      ),
    )
    .returning({ userId: totpSecrets.userId });
  return spent.length === 1;
}

/** Where the sealed secret of a second factor lives. */
export function totpPlace(userId: Id): Place {
  return { table: 'totp_secrets', column: 'secret', rowId: userId };
}
