import { count, eq } from 'drizzle-orm';
import type { Json } from '../../kernel/canonical-json.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { sealJson } from '../../platform/crypto/seal.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { refuseIdentity } from './errors.ts';
import { userSettings } from './schema.ts';
import { type Setting, settingPlace } from './settings.ts';
import { signedIn } from './signed-in.ts';

export const MAX_SETTINGS = 100;

/**
 * Keeps a setting of the person acting, sealed: what it says is theirs, and the log holds its name only.
 * @effects one row of `user_settings`; audit `setting.changed`
 * @errors forbidden, setting_limit_reached
 */
export async function putSetting(ctx: Ctx, name: string, value: Json): Promise<Setting> {
  const { userId } = signedIn(ctx);
  return transact(ctx, 'app', async (tx) => {
    await lockExclusive(tx, [`settings:${userId}`]);
    const updatedAt = ctx.deps.clock.now();
    const key = await ctx.deps.personKeys.of(tx, userId);
    const row = { userId, name, value: sealJson(key, settingPlace(userId, name), value), updatedAt };
    await tx
      .insert(userSettings)
      .values(row)
      .onConflictDoUpdate({
        target: [userSettings.userId, userSettings.name],
        set: { value: row.value, updatedAt },
      });
    const [kept] = await tx
      .select({ settings: count() })
      .from(userSettings)
      .where(eq(userSettings.userId, userId));
    if ((kept?.settings ?? 0) > MAX_SETTINGS) {
      throw refuseIdentity('setting_limit_reached');
    }
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['setting.changed'],
      resource: { type: 'setting', id: name },
      subjectUserId: userId,
      after: { name },
    });
    return { name, value, updatedAt };
  });
}
