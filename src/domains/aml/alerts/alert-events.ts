import type { InferSelectModel } from 'drizzle-orm';
import { actorIdOf } from '../../../kernel/actor.ts';
import type { Json } from '../../../kernel/canonical-json.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { type DataKey, sealText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { amlAlerts } from '../schema.ts';
import { amlAlertEvents } from './schema.ts';

export type AmlAlert = InferSelectModel<typeof amlAlerts>;

export type AlertStep = {
  readonly type:
    | 'opened'
    | 'seen_again'
    | 'item_added'
    | 'severity_raised'
    | 'assigned'
    | 'commented'
    | 'overdue'
    | 'closing_requested'
    | 'closing_refused'
    | 'closed'
    | 'linked';
  readonly screeningId?: Id | null;
  /** Codes only. */
  readonly data?: { readonly [key: string]: Json };
  readonly comment?: string;
};

/**
 * Writes a step of an alert into its history; whoever calls this records the change itself.
 * @effects a row of `aml_alert_events`
 */
export async function addAlertStep(tx: Tx, ctx: Ctx, alert: AmlAlert, step: AlertStep): Promise<void> {
  const id = newId();
  await tx.insert(amlAlertEvents).values({
    id,
    alertId: alert.id,
    type: step.type,
    actor: actorIdOf(ctx.actor),
    at: ctx.deps.clock.now(),
    screeningId: step.screeningId ?? null,
    data: step.data ?? {},
    comment:
      step.comment === undefined
        ? null
        : sealText(await commentKey(tx, ctx, alert.userId), alertCommentPlace(id), step.comment),
  });
}

/** What is written about a person goes with their key; of nobody, with the house's. */
async function commentKey(tx: Tx, ctx: Ctx, userId: Id | null): Promise<DataKey> {
  return userId === null ? ctx.deps.keyring.house : ctx.deps.personKeys.of(tx, userId);
}

/** What a sealed comment is bound to. */
export function alertCommentPlace(eventId: Id) {
  return { table: 'aml_alert_events', column: 'comment', rowId: eventId };
}
