import { and, asc, count, eq, gt } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import type { Ctx } from '../../../platform/context.ts';
import { openText, type Place } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive, lockRow } from '../../../platform/db/locks.ts';
import { ownRows } from '../../../platform/db/own-rows.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { instruments } from '../schema.ts';
import type { Condition } from './rules.ts';
import { priceAlerts } from './schema.ts';

export type AlertRow = typeof priceAlerts.$inferSelect;

/** An alert as its owner reads it. */
export type PriceAlert = Omit<AlertRow, 'message' | 'condition' | 'userId' | 'instrumentId' | 'changedAt'> & {
  readonly symbol: string;
  readonly condition: Condition;
  readonly message: string | null;
};

export type AlertFilter = PageRequest & {
  readonly symbol?: string | undefined;
  readonly active?: boolean | undefined;
};

/** The subject under which processes hear that alerts changed. */
export const ALERTS_CHANGED = 'price_alerts';

/** The caller's alerts, oldest first. @errors invalid_cursor */
export async function listPriceAlerts(ctx: Ctx, filter: AlertFilter): Promise<Page<PriceAlert>> {
  const listing = `price_alerts ${filter.symbol ?? ''} ${filter.active ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const [after] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select({ alert: priceAlerts, symbol: instruments.symbol })
      .from(priceAlerts)
      .innerJoin(instruments, eq(instruments.id, priceAlerts.instrumentId))
      .where(
        and(
          ownRows(ctx, priceAlerts.userId),
          filter.symbol === undefined ? undefined : eq(instruments.symbol, filter.symbol),
          filter.active === undefined ? undefined : eq(priceAlerts.active, filter.active),
          after === undefined ? undefined : gt(priceAlerts.id, after),
        ),
      )
      .orderBy(asc(priceAlerts.id))
      .limit(filter.limit + 1);
    const page = cutPage(key, listing, rows, filter.limit, (row) => [row.alert.id]);
    const data: PriceAlert[] = [];
    for (const { alert, symbol } of page.data) {
      data.push(await shownAlert(tx, ctx, alert, symbol));
    }
    return { ...page, data };
  });
}

/** @errors not_found */
export async function getPriceAlert(ctx: Ctx, id: Id): Promise<PriceAlert> {
  return transact(ctx, ctx.login, async (tx) => {
    const [row] = await tx
      .select({ alert: priceAlerts, symbol: instruments.symbol })
      .from(priceAlerts)
      .innerJoin(instruments, eq(instruments.id, priceAlerts.instrumentId))
      .where(and(ownRows(ctx, priceAlerts.userId), eq(priceAlerts.id, id)));
    if (row === undefined) {
      throw refuse('not_found');
    }
    return shownAlert(tx, ctx, row.alert, row.symbol);
  });
}

/** One of the caller's, locked. @errors not_found, version_mismatch where `If-Match` was sent */
export async function holdAlert(tx: Tx, ctx: Ctx, id: Id): Promise<AlertRow> {
  const row = await lockRow(tx, priceAlerts, id);
  if (row === undefined || row.userId !== ownerOf(ctx)) {
    throw refuse('not_found');
  }
  if (ctx.ifMatch !== undefined && row.version !== ctx.ifMatch) {
    throw refuse('version_mismatch');
  }
  return row;
}

/** How many the caller has, held until the transaction ends. */
export async function countAlerts(tx: Tx, ctx: Ctx): Promise<number> {
  const userId = ownerOf(ctx);
  await lockExclusive(tx, [`price_alerts:${userId}`]);
  const [row] = await tx.select({ alerts: count() }).from(priceAlerts).where(eq(priceAlerts.userId, userId));
  return present(row, 'a count gives one row').alerts;
}

/** Opens the message, and drops what is not the owner's to read. */
export async function shownAlert(tx: Tx, ctx: Ctx, row: AlertRow, symbol?: string): Promise<PriceAlert> {
  const { message, userId: _userId, instrumentId, changedAt: _changedAt, ...rest } = row;
  const key = message === null ? undefined : await ctx.deps.personKeys.of(tx, row.userId);
  return {
    ...rest,
    symbol: symbol ?? (await symbolOf(tx, instrumentId)),
    condition: row.condition as Condition,
    message: message === null || key === undefined ? null : openText(key, messagePlace(row.id), message),
  };
}

/** Where the sealed message of an alert lives. */
export function messagePlace(id: Id): Place {
  return { table: 'price_alerts', column: 'message', rowId: id };
}

/** Whose alerts the caller reads and writes: their own. */
export function ownerOf(ctx: Ctx): Id {
  return present(personOf(ctx.actor), 'a price alert belongs to a person');
}

async function symbolOf(tx: Tx, instrumentId: Id): Promise<string> {
  const [row] = await tx
    .select({ symbol: instruments.symbol })
    .from(instruments)
    .where(eq(instruments.id, instrumentId));
  return present(row, 'an instrument is never gone').symbol;
}
