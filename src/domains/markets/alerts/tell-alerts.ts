import { eq, sql } from 'drizzle-orm';
import { amountOf } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { instruments } from '../schema.ts';
import type { Reached, WatchedAlert } from './alert-book.ts';
import { PRICE_ALERT_EVENTS } from './audit.ts';
import { priceAlerts } from './schema.ts';
import type { AlertRow } from './store.ts';

/**
 * Tells what was reached. A row that is not as it was read (told by another process, changed or deleted by
 * its customer, expired) is left alone, so that nothing is told twice, whatever becomes of this process.
 * @effects `price_alerts`; audit `price_alert.triggered`; event `markets.price_alert_triggered`
 * @shape the alerts as they are now
 */
export async function tellReached(ctx: Ctx, reached: readonly Reached[]): Promise<readonly AlertRow[]> {
  const { clock } = ctx.deps;
  return transact(ctx, 'engine', async (tx) => {
    const now = clock.now();
    const values = new Map(reached.map(({ alert, value }) => [alert.id, value]));
    const told: AlertRow[] = [];
    for (const { alert, value } of [...reached].sort(byId)) {
      const [row] = await tx
        .update(priceAlerts)
        .set({
          active: sql`${priceAlerts.repeat}`,
          armed: false,
          triggerCount: sql`${priceAlerts.triggerCount} + 1`,
          triggeredAt: now,
          triggeredValue: amountOf(value),
          version: sql`${priceAlerts.version} + 1`,
          changedAt: clock.realNow(),
        })
        .where(
          sql`${eq(priceAlerts.id, alert.id)} and ${eq(priceAlerts.version, alert.version)} and active and armed
            and (expires_at is null or expires_at > ${now}::timestamptz)`,
        )
        .returning();
      if (row !== undefined && values.delete(row.id)) {
        told.push(row);
      }
    }
    const symbols = new Map(
      (await tx.select({ id: instruments.id, symbol: instruments.symbol }).from(instruments)).map((each) => [
        each.id,
        each.symbol,
      ]),
    );
    await recordMany(
      tx,
      ctx,
      told.map((after) => changeOf('price_alert.triggered', after)),
    );
    await publish(
      tx,
      ctx,
      told.map((row) => ({
        type: 'markets.price_alert_triggered',
        userId: row.userId,
        customerVisible: true,
        data: {
          alertId: row.id,
          symbol: symbols.get(row.instrumentId) ?? null,
          kind: row.kind,
          condition: row.condition,
          value: row.triggeredValue,
          triggeredAt: now,
          repeat: row.repeat,
        },
      })),
    );
    return told;
  });
}

/**
 * Arms repeating alerts whose condition no longer holds.
 * @effects `price_alerts`; audit `price_alert.armed`
 * @shape the alerts as they are now
 */
export async function armReleased(ctx: Ctx, released: readonly WatchedAlert[]): Promise<readonly AlertRow[]> {
  return transact(ctx, 'engine', async (tx) => {
    const armed: AlertRow[] = [];
    for (const alert of [...released].sort((left, right) => (left.id < right.id ? -1 : 1))) {
      const rows = await tx
        .update(priceAlerts)
        .set({ armed: true, version: sql`${priceAlerts.version} + 1`, changedAt: ctx.deps.clock.realNow() })
        .where(
          sql`${eq(priceAlerts.id, alert.id)} and ${eq(priceAlerts.version, alert.version)} and active and not armed`,
        )
        .returning();
      armed.push(...rows);
    }
    await recordMany(
      tx,
      ctx,
      armed.map((after) => changeOf('price_alert.armed', after)),
    );
    return armed;
  });
}

/**
 * Ends what came to the end its customer set.
 * @effects `price_alerts`; audit `price_alert.expired`
 */
export async function endExpired(ctx: Ctx): Promise<readonly Id[]> {
  const { clock } = ctx.deps;
  return transact(ctx, 'engine', async (tx) => {
    const ended = await tx
      .update(priceAlerts)
      .set({ active: false, version: sql`${priceAlerts.version} + 1`, changedAt: clock.realNow() })
      .where(sql`active and expires_at <= ${clock.now()}::timestamptz`)
      .returning();
    await recordMany(
      tx,
      ctx,
      ended.map((after) => changeOf('price_alert.expired', after)),
    );
    return ended.map(({ id }) => id);
  });
}

function changeOf(
  event: 'price_alert.triggered' | 'price_alert.armed' | 'price_alert.expired',
  after: AlertRow,
) {
  return {
    event: PRICE_ALERT_EVENTS[event],
    resource: { type: 'price_alert', id: after.id },
    subjectUserId: after.userId,
    after,
  };
}

function byId(left: Reached, right: Reached): number {
  return left.alert.id < right.alert.id ? -1 : 1;
}
