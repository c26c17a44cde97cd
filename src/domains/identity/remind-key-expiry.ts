import { and, eq, gt, inArray, isNotNull, isNull, lte, notExists } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import type { Id } from '../../kernel/id.ts';
import { addMs, type Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import type { Job } from '../../platform/domain.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { notifyUser } from './notify-user.ts';
import { apiKeys } from './schema.ts';

const DAY_MS = 86_400_000;
/** Time to find a second person; and the last working day before a weekend. @units days */
const FIRST_DAYS = 14;
const LAST_DAYS = 3;
/** @units days; no reminder of the same key is older, unless the job stood still */
const REMEMBERED_DAYS = FIRST_DAYS + 7;

/**
 * Reminds the owners of service keys that these expire, within fourteen days and again within three. The
 * audit row, written with the reminder and looked for under a lock, is the mark that it was given: running
 * twice, or on two nodes, mails nobody twice. A node that dies before a mail left has given its reminder.
 * @effects audit `api_key.expiry_told` and a notice to the owner for each key
 */
export async function remindKeyExpiry(ctx: Ctx): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, ['key-expiry']);
    const now = ctx.deps.clock.realNow();
    const keys = await expiringKeys(tx, now);
    const told = await toldOf(
      tx,
      now,
      keys.map((key) => key.id),
    );
    for (const { id, userId, expiresAt } of keys) {
      const days = expiresAt !== null && expiresAt <= addMs(now, LAST_DAYS * DAY_MS) ? LAST_DAYS : FIRST_DAYS;
      if (told.has(`${id} ${days}`)) {
        continue;
      }
      await record(tx, ctx, {
        event: IDENTITY_EVENTS['api_key.expiry_told'],
        resource: { type: 'api_key', id },
        subjectUserId: userId,
        after: { days, expiresAt },
      });
      await notifyUser(tx, ctx, userId, 'api_key_expiring');
    }
  });
}

/** Each day, before work begins. */
export const remindKeyExpiryJob: Job = {
  name: 'identity.remind-key-expiry',
  cron: '33 5 * * *',
  run: remindKeyExpiry,
};

/** Service keys that work, soon will not, and have no successor yet. */
async function expiringKeys(tx: Tx, now: Instant) {
  const successors = alias(apiKeys, 'successors');
  return tx
    .select({ id: apiKeys.id, userId: apiKeys.userId, expiresAt: apiKeys.expiresAt })
    .from(apiKeys)
    .where(
      and(
        eq(apiKeys.service, true),
        isNotNull(apiKeys.activatedAt),
        isNull(apiKeys.revokedAt),
        gt(apiKeys.expiresAt, now),
        lte(apiKeys.expiresAt, addMs(now, FIRST_DAYS * DAY_MS)),
        notExists(
          tx.select({ id: successors.id }).from(successors).where(eq(successors.rotatedFromId, apiKeys.id)),
        ),
      ),
    )
    .orderBy(apiKeys.id);
}

/** The reminders given already, as key and days. */
async function toldOf(tx: Tx, now: Instant, keyIds: readonly Id[]): Promise<ReadonlySet<string>> {
  const rows = await tx
    .select({ keyId: auditLogs.resourceId, after: auditLogs.after })
    .from(auditLogs)
    .where(
      and(
        eq(auditLogs.eventType, IDENTITY_EVENTS['api_key.expiry_told'].type),
        gt(auditLogs.recordedAt, addMs(now, -REMEMBERED_DAYS * DAY_MS)),
        inArray(auditLogs.resourceId, [...keyIds]),
      ),
    );
  return new Set(rows.map(({ keyId, after }) => `${keyId} ${(after as { days: number }).days}`));
}
