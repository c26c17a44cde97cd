import { and, eq, isNull, ne } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive, lockRow } from '../../../platform/db/locks.ts';
import { changeGate, lockGateExclusively, lockGates } from '../../identity/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { gateAfterScreening } from '../rules.ts';
import { amlAlerts } from '../schema.ts';
import { type AmlAlert, addAlertStep } from './alert-events.ts';
import { type AlertItem, keepItems } from './alert-items.ts';
import { knownTrueMatch } from './known-true-match.ts';
import { type AlertEffect, type AlertKind, dueWithinMs, graver, type Severity } from './rules.ts';

export type NewAlert = {
  /** Whom it is about; null where it is about nobody the firm serves, such as a list. */
  readonly userId: Id | null;
  readonly kind: AlertKind;
  /** What makes a further hit of this person one of the same alert, while that is open. */
  readonly dedupKey: string;
  readonly severity: Severity;
  /** `stop` shuts the gate until the alert is closed; `review` only asks for a look. */
  readonly effect: AlertEffect;
  readonly sourceRef?: string;
  readonly screeningId?: Id;
  readonly items?: readonly AlertItem[];
  readonly points?: number;
};

/**
 * Raises an alert, or takes the hit into the one that is open; the only writer of new alerts. Joins the
 * caller's transaction. One that stops takes the gate's exclusive lock, so the caller has to hold that before
 * it locks any row; one that only asks for a look takes no gate's lock.
 * @effects `aml_alerts`, `aml_alert_items`, `aml_alert_events`, perhaps `customer_gates`; audit
 *   `aml_alert.opened` or `aml_alert.seen_again`, perhaps `gate.changed`
 */
export async function openAlert(tx: Tx, ctx: Ctx, found: NewAlert): Promise<AmlAlert> {
  const { userId } = found;
  if (userId !== null && found.effect === 'stop') {
    await lockGateExclusively(tx, userId);
  }
  await lockExclusive(tx, [`aml_alert:${userId ?? ''}:${found.dedupKey}`]);
  const [open] = await tx
    .select({ id: amlAlerts.id })
    .from(amlAlerts)
    .where(
      and(
        userId === null ? isNull(amlAlerts.userId) : eq(amlAlerts.userId, userId),
        eq(amlAlerts.dedupKey, found.dedupKey),
        ne(amlAlerts.status, 'resolved'),
      ),
    );
  const known = open === undefined ? await knownTrueMatch(tx, found) : undefined;
  if (known !== undefined) {
    await addAlertStep(tx, ctx, known, { type: 'seen_again', screeningId: found.screeningId ?? null });
    return known;
  }
  const alert = open === undefined ? await begin(tx, ctx, found) : await takeIn(tx, ctx, open.id, found);
  if (userId !== null && found.effect === 'stop') {
    await shutGate(tx, ctx, userId);
  }
  return alert;
}

async function begin(tx: Tx, ctx: Ctx, found: NewAlert): Promise<AmlAlert> {
  const at = ctx.deps.clock.now();
  const [inserted] = await tx
    .insert(amlAlerts)
    .values({
      id: newId(),
      userId: found.userId,
      screeningId: found.screeningId ?? null,
      status: 'open',
      severity: found.severity,
      kind: found.kind,
      effect: found.effect,
      dedupKey: found.dedupKey,
      sourceRef: found.sourceRef ?? null,
      points: found.points ?? 0,
      createdAt: at,
      lastSeenAt: at,
      dueAt: addMs(at, dueWithinMs(found.severity)),
    })
    .returning();
  const alert = present(inserted, 'the alert was inserted');
  await keepItems(tx, ctx, alert, found.items ?? []);
  await addAlertStep(tx, ctx, alert, {
    type: 'opened',
    screeningId: found.screeningId ?? null,
    data: { severity: alert.severity },
  });
  await record(tx, ctx, {
    event: AML_EVENTS['aml_alert.opened'],
    resource: { type: 'aml_alert', id: alert.id },
    subjectUserId: alert.userId,
    after: alert,
  });
  return alert;
}

/** An open alert takes a further hit in: it can become graver and due earlier, never the other way. */
async function takeIn(tx: Tx, ctx: Ctx, alertId: Id, found: NewAlert): Promise<AmlAlert> {
  const before = present(await lockRow(tx, amlAlerts, alertId), 'the alert is open');
  const at = ctx.deps.clock.now();
  const severity = graver(before.severity, found.severity);
  const due = addMs(at, dueWithinMs(found.severity));
  const [updated] = await tx
    .update(amlAlerts)
    .set({
      severity,
      effect: found.effect === 'stop' ? 'stop' : before.effect,
      occurrences: before.occurrences + 1,
      points: before.points + (found.points ?? 0),
      lastSeenAt: at,
      dueAt: before.dueAt === null || due < before.dueAt ? due : before.dueAt,
      // What becomes critical late is late as that: it is told of again, and this time raises the alarm.
      overdueAt: severity === 'critical' && before.severity !== 'critical' ? null : before.overdueAt,
      version: before.version + 1,
    })
    .where(eq(amlAlerts.id, alertId))
    .returning();
  const alert = present(updated, 'the alert was locked');
  const added = await keepItems(tx, ctx, alert, found.items ?? []);
  const screeningId = found.screeningId ?? null;
  await addAlertStep(tx, ctx, alert, { type: 'seen_again', screeningId, data: { added } });
  if (severity !== before.severity) {
    await addAlertStep(tx, ctx, alert, { type: 'severity_raised', data: { severity } });
  }
  await record(tx, ctx, {
    event: AML_EVENTS['aml_alert.seen_again'],
    resource: { type: 'aml_alert', id: alertId },
    subjectUserId: alert.userId,
    before,
    after: alert,
  });
  return alert;
}

async function shutGate(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  const gate = present((await lockGates(tx, [userId])).get(userId), 'every user has a gate');
  const next = gateAfterScreening(gate.screening, 'alert', 1);
  if (next !== gate.screening) {
    await changeGate(tx, ctx, userId, { screening: next });
  }
}
