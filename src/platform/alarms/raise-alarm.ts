/**
 * What somebody at the firm must look at now. The evidence is written with the change that raised it;
 * the log line, the metric and the mail follow the commit, so that nobody is called for what was rolled
 * back. It guarantees the audit row and the event; the mail is tried, not promised.
 */
import { assert } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { AuditEvent } from '../audit/events.ts';
import { record } from '../audit/record.ts';
import type { Ctx } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { onCommit } from '../db/transact.ts';
import { countAlarm } from '../http/metrics.ts';
import { publish } from '../outbox/publish.ts';

/** An alarm is an audit event of severity critical; its type is the alarm's name. */
export type Alarm = {
  readonly event: AuditEvent;
  readonly resource: { readonly type: string; readonly id: string };
  /** Whose affairs it concerns; null where nobody's. */
  readonly subjectUserId: Id | null;
  readonly after?: object | undefined;
};

/**
 * Raises an alarm in the transaction of what caused it.
 * @effects one row of `audit_logs`; event `security.alarm_raised`; after the commit a log line at
 *   `error`, the metric `plimsoll_alarms_total`, and a mail to each of `deps.alarmEmails`
 */
export async function raiseAlarm(tx: Tx, ctx: Ctx, alarm: Alarm): Promise<void> {
  const { event, resource } = alarm;
  assert(event.severity === 'critical', 'an alarm is critical');
  await record(tx, ctx, alarm);
  await publish(tx, ctx, [
    {
      type: 'security.alarm_raised',
      userId: null,
      customerVisible: false,
      data: { alarm: event.type, resourceType: resource.type, resourceId: resource.id },
    },
  ]);
  onCommit(tx, () => callOut(ctx, alarm));
}

/** Identifiers only: mail and logs leave the places where personal data may be. */
function callOut(ctx: Ctx, { event, resource }: Alarm): void {
  const { deps, requestId } = ctx;
  deps.log.error({ requestId, alarm: event.type, object: resource.id }, 'an alarm was raised');
  countAlarm(deps, event.type);
  const text = [
    event.description,
    '',
    `alarm: ${event.type}`,
    `resource: ${resource.type} ${resource.id}`,
    `time: ${deps.clock.realNow()}`,
    `request: ${requestId}`,
    '',
    'The audit log holds the details under the request above.',
  ].join('\r\n');
  for (const to of deps.alarmEmails) {
    deps.mail.send({ to, subject: `Plimsoll alarm: ${event.type}`, text });
  }
}
