import { formatAmount } from '../../../kernel/amount.ts';
import { dayOf } from '../../../kernel/business-date.ts';
import type { Json } from '../../../kernel/canonical-json.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { RISK_EVENTS } from '../audit.ts';
import type { LimitType, NearLimit } from '../rules.ts';
import { riskAlerts } from '../schema.ts';

type AlertKind = (typeof riskAlerts.$inferSelect)['kind'];

/** Something that the firm should look at. */
export type NewRiskAlert = {
  readonly kind: AlertKind;
  readonly severity: (typeof riskAlerts.$inferSelect)['severity'];
  /** Names what it is about: there is one alert for it a day. */
  readonly condition: string;
  readonly userId: Id | null;
  readonly accountId: Id | null;
  readonly instrumentId: Id | null;
  /** Amounts and ids; nothing personal. */
  readonly details: { readonly [key: string]: Json };
};

/**
 * Raises alerts that were not raised today.
 * @effects rows of `risk_alerts`; audit `risk_alert.raised` for each new one
 */
export async function raiseAlerts(tx: Tx, ctx: Ctx, alerts: readonly NewRiskAlert[]): Promise<void> {
  if (alerts.length === 0) {
    return;
  }
  const raisedAt = ctx.deps.clock.now();
  const day = dayOf(raisedAt, ctx.deps.timeZone);
  const distinct = new Map(alerts.map((alert) => [alert.condition, alert]));
  // In one order, so that two transactions that raise the same never wait for each other.
  const sorted = [...distinct.values()].sort((left, right) => (left.condition < right.condition ? -1 : 1));
  const raised = await tx
    .insert(riskAlerts)
    .values(sorted.map((alert) => ({ ...alert, id: newId(), day, raisedAt })))
    .onConflictDoNothing({ target: [riskAlerts.condition, riskAlerts.day] })
    .returning();
  await recordMany(
    tx,
    ctx,
    raised.map((alert) => ({
      event: RISK_EVENTS['risk_alert.raised'],
      resource: { type: 'risk_alert', id: alert.id },
      subjectUserId: alert.userId,
      after: alert,
    })),
  );
}

const KIND_OF: Readonly<Partial<Record<LimitType, AlertKind>>> = {
  max_position: 'position_limit',
  max_daily_volume: 'volume_limit',
  max_daily_loss: 'daily_loss',
};

/** What is told of a limit that is nearly used up. */
export function nearLimitAlert(
  subject: { readonly userId: Id; readonly accountId: Id; readonly instrumentId: Id | null },
  { limit, used }: NearLimit,
): NewRiskAlert {
  const kind = KIND_OF[limit.type] ?? 'position_limit';
  const full = used >= limit.value;
  return {
    kind,
    severity: full ? 'high' : 'medium',
    condition: `${kind} ${limit.id} ${subject.accountId} ${full ? 'full' : 'near'}`,
    userId: subject.userId,
    accountId: subject.accountId,
    instrumentId: subject.instrumentId,
    details: {
      limitId: limit.id,
      limit: formatAmount(limit.value),
      used: formatAmount(used),
      currency: limit.currency,
    },
  };
}
