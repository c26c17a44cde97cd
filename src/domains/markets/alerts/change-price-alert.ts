import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import { changes } from '../../../platform/changes/changes.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { onCommit, transact } from '../../../platform/db/transact.ts';
import { PRICE_ALERT_EVENTS } from './audit.ts';
import { refusePriceAlert } from './problems.ts';
import { type Condition, isArmedAtFirst, mayRepeat } from './rules.ts';
import { priceAlerts } from './schema.ts';
import {
  ALERTS_CHANGED,
  type AlertRow,
  holdAlert,
  messagePlace,
  type PriceAlert,
  shownAlert,
} from './store.ts';

export type PriceAlertChange = {
  readonly condition?: Condition | undefined;
  readonly message?: string | null | undefined;
  readonly repeat?: boolean | undefined;
  readonly cooldownSeconds?: number | undefined;
  readonly expiresAt?: Instant | null | undefined;
  readonly active?: boolean | undefined;
};

/**
 * Changes an alert of the caller; what is not named stays. A new condition, and an alert that is made active
 * again, wait as if they had just been made.
 * @effects one row of `price_alerts`; audit `price_alert.changed`
 * @errors not_found, version_mismatch, price_alert_kind_fixed, price_alert_expired, price_alert_cooldown_too_short
 */
export async function changePriceAlert(ctx: Ctx, id: Id, change: PriceAlertChange): Promise<PriceAlert> {
  const { deps } = ctx;
  return transact(ctx, ctx.login, async (tx) => {
    const before = await holdAlert(tx, ctx, id);
    const active = change.active ?? before.active;
    const expiresAt = change.expiresAt === undefined ? before.expiresAt : change.expiresAt;
    if (change.condition !== undefined && change.condition.kind !== before.kind) {
      throw refusePriceAlert('price_alert_kind_fixed');
    }
    if (active && expiresAt !== null && expiresAt <= deps.clock.now()) {
      throw refusePriceAlert('price_alert_expired');
    }
    const repeat = change.repeat ?? before.repeat;
    const cooldownSeconds = change.cooldownSeconds ?? before.cooldownSeconds;
    if (repeat && !mayRepeat(cooldownSeconds)) {
      throw refusePriceAlert('price_alert_cooldown_too_short');
    }
    const condition = change.condition ?? (before.condition as Condition);
    const anew = change.condition !== undefined || (active && !before.active);
    const [row] = await tx
      .update(priceAlerts)
      .set({
        condition,
        message: await sealedMessage(tx, ctx, before, change.message),
        repeat,
        cooldownSeconds,
        expiresAt,
        active,
        armed: anew ? isArmedAtFirst(condition) : before.armed,
        version: before.version + 1,
        changedAt: deps.clock.realNow(),
      })
      .where(eq(priceAlerts.id, id))
      .returning();
    const after = present(row, 'the alert was locked');
    await record(tx, ctx, {
      event: PRICE_ALERT_EVENTS['price_alert.changed'],
      resource: { type: 'price_alert', id },
      subjectUserId: before.userId,
      before,
      after,
    });
    onCommit(tx, () => changes(deps).tell(ALERTS_CHANGED));
    return shownAlert(tx, ctx, after);
  });
}

/**
 * Deletes an alert of the caller.
 * @effects one row of `price_alerts`; audit `price_alert.deleted`
 * @errors not_found
 */
export async function deletePriceAlert(ctx: Ctx, id: Id): Promise<void> {
  await transact(ctx, ctx.login, async (tx) => {
    const before = await holdAlert(tx, ctx, id);
    await tx.delete(priceAlerts).where(eq(priceAlerts.id, id));
    await record(tx, ctx, {
      event: PRICE_ALERT_EVENTS['price_alert.deleted'],
      resource: { type: 'price_alert', id },
      subjectUserId: before.userId,
      before,
    });
  });
}

async function sealedMessage(tx: Tx, ctx: Ctx, before: AlertRow, message: string | null | undefined) {
  if (message === undefined || message === null) {
    return message === null ? null : before.message;
  }
  return sealText(await ctx.deps.personKeys.of(tx, before.userId), messagePlace(before.id), message);
}
