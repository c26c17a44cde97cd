import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { type Gate, lockGateExclusively, lockGates } from '../../identity/index.ts';
import { refuseAml } from '../errors.ts';
import { amlAlerts } from '../schema.ts';
import type { AmlAlert } from './alert-events.ts';

export type LockedAlert = {
  readonly alert: AmlAlert;
  /** Null where the alert is about nobody. */
  readonly gate: Gate | null;
};

/** The gate's lock comes before the alert's, as everywhere. @errors not_found, alert_resolved */
export async function lockOpenAlert(tx: Tx, alertId: Id): Promise<LockedAlert> {
  const [known] = await tx
    .select({ userId: amlAlerts.userId })
    .from(amlAlerts)
    .where(eq(amlAlerts.id, alertId));
  if (known === undefined) {
    throw refuse('not_found');
  }
  const { userId } = known;
  if (userId !== null) {
    await lockGateExclusively(tx, userId);
  }
  const alert = present(await lockRow(tx, amlAlerts, alertId), 'the alert exists');
  if (alert.status === 'resolved') {
    throw refuseAml('alert_resolved');
  }
  const gate = userId === null ? null : ((await lockGates(tx, [userId])).get(userId) ?? null);
  return { alert, gate };
}
