import { asc, eq, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { type Instant, parseInstant } from '../../../kernel/time.ts';
import { openText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { amlAlerts } from '../schema.ts';
import { alertCommentPlace } from './alert-events.ts';
import { amlAlertEvents, amlAlertItems } from './schema.ts';

/** The alerts on a person. */
export const personalAlerts = personalRows(amlAlerts, { keys: ['id'] });

/** The listed entries that the alerts on a person are about. */
export const personalAlertItems = personalRows(amlAlertItems, {
  by: 'alertId',
  parents: alertIdsOf,
  keys: ['listId', 'sourceId', 'party'],
});

/** What happened to the alerts on a person, and what was written to them. */
export const personalAlertSteps = personalRows(amlAlertEvents, {
  by: 'alertId',
  parents: alertIdsOf,
  keys: ['at', 'id'],
  more: (rows, { key }) =>
    rows.map(({ id, comment }) => ({
      comment: key === undefined || comment === null ? null : openText(key, alertCommentPlace(id), comment),
    })),
});

/** The latest an alert on a person was closed, and now while one is open; null where there was none. */
export async function alertsKeptSince(tx: Tx, userId: Id): Promise<Instant | null> {
  const [last] = await tx.execute<{ at: string | null }>(sql`
      select max(coalesce(resolved_at, now()))::text as at from aml_alerts where user_id = ${userId}`);
  return last?.at ? parseInstant(last.at) : null;
}

async function alertIdsOf(tx: Tx, userId: Id): Promise<readonly Id[]> {
  const rows = await tx
    .select({ id: amlAlerts.id })
    .from(amlAlerts)
    .where(eq(amlAlerts.userId, userId))
    .orderBy(asc(amlAlerts.id));
  return rows.map(({ id }) => id);
}
