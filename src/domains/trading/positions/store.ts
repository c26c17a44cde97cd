import { and, desc, eq, lt } from 'drizzle-orm';
import { type Amount, amountOf, MAX_AMOUNT, ONE } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import { divideRounded } from '../../../kernel/rounding.ts';
import type { Ctx } from '../../../platform/context.ts';
import { ownRows } from '../../../platform/db/own-rows.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { findAccount } from '../../accounts/index.ts';
import type { Exits } from './exit-orders.ts';
import { exitsOf, exitsViewOf } from './exit-views.ts';
import type { Position } from './plan-contracts.ts';
import { positions } from './schema.ts';

/** A position as it is seen: with what follows from its columns, and with its exits. */
export function viewOf(position: Position, exits: Exits | undefined) {
  const { quantity, entryValue, initialMargin, closedQuantity, closedValue, openedValue } = position;
  const { realisedPnl, unrealisedPnl, fees, fundingPaid } = position;
  return {
    ...position,
    ...exitsViewOf(exits),
    averageEntryPrice: quotient(entryValue, quantity),
    averageExitPrice: quotient(closedValue, closedQuantity),
    leverage: quotient(entryValue, initialMargin),
    value: amountOf(position.side === 'long' ? entryValue + unrealisedPnl : entryValue - unrealisedPnl),
    totalPnl: amountOf(realisedPnl + unrealisedPnl - fees - fundingPaid),
    volume: amountOf(openedValue + closedValue),
  };
}

function quotient(dividend: bigint, divisor: bigint): Amount | null {
  if (divisor === 0n) {
    return null;
  }
  const value = divideRounded(dividend * ONE, divisor, 'half_even');
  return value > MAX_AMOUNT ? null : amountOf(value);
}

type PositionFilter = PageRequest & { readonly status?: Position['status'] | undefined };

/** The positions of one account, newest first. @errors not_found, invalid_cursor */
export async function listPositions(ctx: Ctx, accountId: Id, filter: PositionFilter): Promise<Page<object>> {
  const listing = `positions ${accountId} ${filter.status ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    await findAccount(tx, ctx, accountId);
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(positions)
      .where(
        and(
          eq(positions.accountId, accountId),
          filter.status === undefined ? undefined : eq(positions.status, filter.status),
          before === undefined ? undefined : lt(positions.id, before),
        ),
      )
      .orderBy(desc(positions.id))
      .limit(filter.limit + 1);
    const page = cutPage(key, listing, rows, filter.limit, (row) => [row.id]);
    const exits = await exitsOf(
      tx,
      page.data.map(({ id }) => id),
    );
    return { ...page, data: page.data.map((position) => viewOf(position, exits.get(position.id))) };
  });
}

/** @errors not_found, also for a position of somebody else */
export async function getPosition(ctx: Ctx, positionId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    const [position] = await tx
      .select()
      .from(positions)
      .where(and(eq(positions.id, positionId), ownRows(ctx, positions.userId)));
    if (position === undefined) {
      throw refuse('not_found');
    }
    return viewOf(position, (await exitsOf(tx, [positionId])).get(positionId));
  });
}
