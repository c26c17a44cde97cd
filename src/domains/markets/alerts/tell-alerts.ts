/**
 * What becomes of many alerts at once. Each verb is one transaction for a batch: what fails of it leaves nothing, and
 * whoever calls it asks for less.
 */
import { and, getTableColumns, inArray, type SQL, sql } from 'drizzle-orm';
import { storedAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral } from '../../../platform/db/insert-rows.ts';
import { lockFreeRows } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type NewEvent, publish } from '../../../platform/outbox/publish.ts';
import { instruments } from '../schema.ts';
import type { Reached, WatchedAlert } from './alert-book.ts';
import { PRICE_ALERT_EVENTS } from './audit.ts';
import { priceAlerts } from './schema.ts';
import type { AlertRow } from './store.ts';

/** The alerts as they are now, and those that somebody holds just now, as they were read: they can be asked for again. */
export type Followed = { readonly rows: readonly AlertRow[]; readonly held: ReadonlySet<Id> };

/** How many are written in one transaction. */
export const ALERT_BATCH = 500;

/**
 * Tells what was reached, in one statement of each kind for all. A row that is not as it was read (told by another
 * process, changed or deleted by its customer, expired) is left alone, so that nothing is told twice, whatever becomes
 * of this process; one that its customer holds is waited for by nobody.
 * @effects `price_alerts`; audit `price_alert.triggered`; event `markets.price_alert_triggered`
 * @shape in the order of their ids
 */
export async function tellReached(ctx: Ctx, reached: readonly Reached[]): Promise<Followed> {
  const { clock } = ctx.deps;
  return transact(ctx, 'engine', async (tx) => {
    const now = clock.now();
    const { free, held } = await lockAsRead(
      tx,
      reached.map(({ alert }) => alert),
    );
    const told = reached.filter(({ alert }) => free.has(alert.id));
    const values = sql.param(arrayLiteral(told.map(({ value }) => storedAmount(value))));
    const rows = await tx
      .update(priceAlerts)
      .set({
        active: sql`${priceAlerts.repeat}`,
        armed: false,
        triggerCount: sql`${priceAlerts.triggerCount} + 1`,
        triggeredAt: now,
        triggeredValue: sql`reached.value`,
        version: sql`${priceAlerts.version} + 1`,
        changedAt: clock.realNow(),
      })
      .from(
        sql`unnest(${idsOf(told)}::uuid[], ${versionsOf(told)}::int[], ${values}::numeric[]) as reached (id, version, value)`,
      )
      .where(
        sql`${priceAlerts.id} = reached.id and ${priceAlerts.version} = reached.version and active and armed
          and (expires_at is null or expires_at > ${now}::timestamptz)`,
      )
      .returning(getTableColumns(priceAlerts));
    rows.sort(byId);
    const symbols = await symbolsOf(tx, rows);
    await recordMany(
      tx,
      ctx,
      rows.map((after) => changeOf('price_alert.triggered', after)),
    );
    await publish(
      tx,
      ctx,
      rows.map((row) => triggeredEvent(row, present(symbols.get(row.instrumentId), 'it has its instrument'))),
    );
    return { rows, held };
  });
}

/**
 * Arms repeating alerts whose condition no longer holds.
 * @effects `price_alerts`; audit `price_alert.armed`
 * @shape in the order of their ids
 */
export async function armReleased(ctx: Ctx, released: readonly WatchedAlert[]): Promise<Followed> {
  return transact(ctx, 'engine', async (tx) => {
    const { free, held } = await lockAsRead(tx, released);
    const due = released.filter(({ id }) => free.has(id)).map((alert) => ({ alert }));
    const rows = await tx
      .update(priceAlerts)
      .set({ armed: true, version: sql`${priceAlerts.version} + 1`, changedAt: ctx.deps.clock.realNow() })
      .from(sql`unnest(${idsOf(due)}::uuid[], ${versionsOf(due)}::int[]) as released (id, version)`)
      .where(
        sql`${priceAlerts.id} = released.id and ${priceAlerts.version} = released.version and active and not armed`,
      )
      .returning(getTableColumns(priceAlerts));
    rows.sort(byId);
    await recordMany(
      tx,
      ctx,
      rows.map((after) => changeOf('price_alert.armed', after)),
    );
    return { rows, held };
  });
}

/** Alerts that came to the end their customers set, in the order of their ids. */
export async function readExpired(ctx: Ctx): Promise<readonly Id[]> {
  const rows = await ctx.deps.db.engine
    .select({ id: priceAlerts.id })
    .from(priceAlerts)
    .where(isOver(ctx))
    .orderBy(priceAlerts.id);
  return rows.map(({ id }) => id);
}

/**
 * Ends those of some alerts that came to the end their customers set; one that its customer holds ends later.
 * @effects `price_alerts`; audit `price_alert.expired`
 * @shape the ids of those that ended
 */
export async function endExpired(ctx: Ctx, ids: readonly Id[]): Promise<readonly Id[]> {
  return transact(ctx, 'engine', async (tx) => {
    const free = await lockFreeRows(tx, priceAlerts, ids);
    const ended = await tx
      .update(priceAlerts)
      .set({
        active: false,
        version: sql`${priceAlerts.version} + 1`,
        changedAt: ctx.deps.clock.realNow(),
      })
      .where(and(inArray(priceAlerts.id, [...free]), isOver(ctx)))
      .returning();
    ended.sort(byId);
    await recordMany(
      tx,
      ctx,
      ended.map((after) => changeOf('price_alert.expired', after)),
    );
    return ended.map(({ id }) => id);
  });
}

function isOver(ctx: Ctx): SQL {
  return sql`active and expires_at <= ${ctx.deps.clock.now()}::timestamptz`;
}

/** Those that nobody holds, and of the others those that are there still and as they were read. */
async function lockAsRead(
  tx: Tx,
  alerts: readonly WatchedAlert[],
): Promise<{ readonly free: ReadonlySet<Id>; readonly held: ReadonlySet<Id> }> {
  const free = new Set(
    await lockFreeRows(
      tx,
      priceAlerts,
      alerts.map(({ id }) => id),
    ),
  );
  const others = alerts.filter(({ id }) => !free.has(id));
  if (others.length === 0) {
    return { free, held: new Set() };
  }
  const versions = new Map(others.map(({ id, version }) => [id, version]));
  const rows = await tx
    .select({ id: priceAlerts.id, version: priceAlerts.version })
    .from(priceAlerts)
    .where(inArray(priceAlerts.id, [...versions.keys()]));
  const held = rows.filter(({ id, version }) => versions.get(id) === version).map(({ id }) => id);
  return { free, held: new Set(held) };
}

async function symbolsOf(tx: Tx, rows: readonly AlertRow[]): Promise<ReadonlyMap<Id, string>> {
  const ids = [...new Set(rows.map(({ instrumentId }) => instrumentId))];
  const found = await tx
    .select({ id: instruments.id, symbol: instruments.symbol })
    .from(instruments)
    .where(inArray(instruments.id, ids));
  return new Map(found.map(({ id, symbol }) => [id, symbol]));
}

function triggeredEvent(row: AlertRow, symbol: string): NewEvent {
  return {
    type: 'markets.price_alert_triggered',
    userId: row.userId,
    customerVisible: true,
    data: {
      alertId: row.id,
      symbol,
      kind: row.kind,
      condition: row.condition,
      value: row.triggeredValue,
      triggeredAt: row.triggeredAt,
      repeat: row.repeat,
    },
  };
}

function idsOf(due: readonly { readonly alert: WatchedAlert }[]) {
  return sql.param(arrayLiteral(due.map(({ alert }) => alert.id)));
}

function versionsOf(due: readonly { readonly alert: WatchedAlert }[]) {
  return sql.param(arrayLiteral(due.map(({ alert }) => String(alert.version))));
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

/** What an update returns has no order of its own. */
function byId(left: AlertRow, right: AlertRow): number {
  return left.id < right.id ? -1 : 1;
}
