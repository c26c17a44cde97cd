import { eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { raiseAlarm } from '../../platform/alarms/raise-alarm.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import type { Assertion, NoAssertion } from './passkey-ceremony.ts';
import { counterWentBack } from './rules.ts';
import { passkeys } from './schema.ts';

/**
 * Notes that a passkey of this user answered, and says whether it counts: not where it is another's, was
 * removed in the meantime, or its counter went back, as only a copy's does.
 * @effects `passkeys.sign_count`, `last_used_at`, `backed_up`; alarm `passkey.counter_went_back`
 */
export async function usePasskey(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  assertion: Assertion | NoAssertion,
): Promise<boolean> {
  if (!assertion.proved || assertion.userId !== userId) {
    return false;
  }
  const { passkeyId, signCount, backedUp } = assertion;
  const passkey = await lockRow(tx, passkeys, passkeyId);
  if (passkey?.userId !== userId) {
    return false;
  }
  if (counterWentBack(passkey.signCount, signCount)) {
    await raiseAlarm(tx, ctx, {
      event: IDENTITY_EVENTS['passkey.counter_went_back'],
      resource: { type: 'passkey', id: passkeyId },
      subjectUserId: userId,
      after: { expectedAbove: passkey.signCount, signCount },
    });
    return false;
  }
  await tx
    .update(passkeys)
    .set({ signCount, backedUp, lastUsedAt: ctx.deps.clock.realNow() })
    .where(eq(passkeys.id, passkeyId));
  return true;
}
