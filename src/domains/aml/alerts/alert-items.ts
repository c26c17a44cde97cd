import { asc, eq, type InferSelectModel, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { AmlAlert } from './alert-events.ts';
import { amlAlertItems } from './schema.ts';

export type KeptItem = InferSelectModel<typeof amlAlertItems>;

/** One listed entry that a person, or a party of theirs, resembles. */
export type AlertItem = Pick<
  KeptItem,
  'listId' | 'sourceId' | 'entityId' | 'party' | 'screeningHash' | 'subjectDigest' | 'bestScoreBps'
>;

/**
 * Keeps what an alert is about, each entry once in its newest state with its best score.
 * @effects rows of `aml_alert_items`
 * @shape how many of them are new to the alert
 */
export async function keepItems(
  tx: Tx,
  ctx: Ctx,
  alert: AmlAlert,
  items: readonly AlertItem[],
): Promise<number> {
  if (items.length === 0) {
    return 0;
  }
  const at = ctx.deps.clock.now();
  const before = (await itemsOf(tx, alert.id)).length;
  await tx
    .insert(amlAlertItems)
    .values(items.map((item) => ({ ...item, alertId: alert.id, firstSeenAt: at, lastSeenAt: at })))
    .onConflictDoUpdate({
      target: [amlAlertItems.alertId, amlAlertItems.listId, amlAlertItems.sourceId, amlAlertItems.party],
      set: {
        entityId: sql`excluded.entity_id`,
        screeningHash: sql`excluded.screening_hash`,
        subjectDigest: sql`excluded.subject_digest`,
        bestScoreBps: sql`greatest(${amlAlertItems.bestScoreBps}, excluded.best_score_bps)`,
        lastSeenAt: sql`excluded.last_seen_at`,
      },
    });
  return (await itemsOf(tx, alert.id)).length - before;
}

/** What an alert is about, best first. */
export async function itemsOf(tx: Tx, alertId: Id): Promise<readonly KeptItem[]> {
  return tx
    .select()
    .from(amlAlertItems)
    .where(eq(amlAlertItems.alertId, alertId))
    .orderBy(sql`${amlAlertItems.bestScoreBps} desc`, asc(amlAlertItems.listId), asc(amlAlertItems.sourceId));
}
