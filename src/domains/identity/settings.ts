import { and, eq } from 'drizzle-orm';
import type { Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import { openText, type Place } from '../../platform/crypto/seal.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { userSettings } from './schema.ts';
import { signedIn } from './signed-in.ts';

export type Setting = { readonly name: string; readonly value: Json; readonly updatedAt: Instant };

/** The names of the settings of the person acting, in their order; a value is read by its name. */
export async function listSettings(ctx: Ctx): Promise<readonly Omit<Setting, 'value'>[]> {
  const { userId } = signedIn(ctx);
  return transact(ctx, 'app', (tx) =>
    tx
      .select({ name: userSettings.name, updatedAt: userSettings.updatedAt })
      .from(userSettings)
      .where(eq(userSettings.userId, userId))
      .orderBy(userSettings.name),
  );
}

/** One setting of the person acting. @errors not_found */
export async function getSetting(ctx: Ctx, name: string): Promise<Setting> {
  const { userId } = signedIn(ctx);
  return transact(ctx, 'app', async (tx) => {
    const [row] = await tx
      .select()
      .from(userSettings)
      .where(and(eq(userSettings.userId, userId), eq(userSettings.name, name)));
    if (row === undefined) {
      throw refuse('not_found');
    }
    const key = await ctx.deps.personKeys.of(tx, userId);
    const text = openText(key, settingPlace(userId, name), row.value);
    return { name, value: JSON.parse(text) as Json, updatedAt: row.updatedAt };
  });
}

/** Where the sealed value of a setting lives. */
export function settingPlace(userId: Id, name: string): Place {
  return { table: 'user_settings', column: 'value', rowId: `${userId} ${name}` };
}
