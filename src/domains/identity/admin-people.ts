import { and, eq, notInArray, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { type Notice, notifyUser } from './notify-user.ts';
import { roleGrants, users } from './schema.ts';
import { isSealedColumn } from './sealed-login.ts';

/** The people who hold the role of admin and are not shut out; the sealed login is none of them. */
export async function adminPeople(tx: Tx): Promise<readonly Id[]> {
  const rows = await tx
    .select({ id: users.id })
    .from(users)
    .innerJoin(roleGrants, and(eq(roleGrants.userId, users.id), eq(roleGrants.role, 'admin')))
    .where(and(notInArray(users.status, ['suspended', 'closed']), sql`not ${isSealedColumn}`))
    .orderBy(users.id);
  return rows.map((row) => row.id);
}

/** Tells every admin but those named. @effects a notice to each */
export async function notifyAdmins(
  tx: Tx,
  ctx: Ctx,
  notice: Notice,
  except: readonly Id[] = [],
): Promise<void> {
  for (const userId of await adminPeople(tx)) {
    if (!except.includes(userId)) {
      await notifyUser(tx, ctx, userId, notice);
    }
  }
}
