import { and, eq, isNull, sql } from 'drizzle-orm';
import { type Instant, parseInstant } from '../../../kernel/time.ts';
import { inventoryOf } from '../../../platform/db/inventory.ts';
import type { ClosingObstacle, PersonalData } from '../../../platform/domain.ts';
import type { DomainPart } from '../../../platform/domain-part.ts';
import { peopleBehind } from '../../../platform/privacy/people-behind.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { askBackOutgrown, askBackUngranted } from './ask-back.ts';
import { cancelReducing } from './cancel-reducing-orders.ts';
import { positionChecks } from './checks.ts';
import { positionEndpoints } from './routes.ts';
import { marginHolds, positionExitOrders, positionExits, positions } from './schema.ts';

const personalPositions: PersonalData = {
  name: 'positions',
  recordClass: 'orders',
  tables: ['positions', 'margin_holds', 'position_exits'],
  sections: {
    positions: personalRows(positions, { keys: ['id'] }),
    marginHolds: personalRows(marginHolds, { keys: ['walletId'] }),
    positionExits: personalRows(positionExits, { keys: ['positionId'] }),
  },
  keptSince: async (tx, userId): Promise<Instant | null> => {
    const [last] = await tx.execute<{ at: string | null }>(
      sql`select max(updated_at)::text as at from positions where user_id = ${userId}`,
    );
    return last?.at ? parseInstant(last.at) : null;
  },
};

const personalExitOrders: PersonalData = {
  name: 'position_exit_orders',
  recordClass: 'orders',
  tables: ['position_exit_orders'],
  internal: true,
  sections: { positionExitOrders: personalRows(positionExitOrders, { keys: ['id'] }) },
};

/** What positions hand to the front door of trading. */
export const positionPart: DomainPart = {
  endpoints: positionEndpoints,
  checks: positionChecks,
  consumers: [cancelReducing, askBackOutgrown, askBackUngranted],
  peopleBehind: [peopleBehind(positions, positions.id, positions.userId)],
  personalData: [personalPositions, personalExitOrders],
  // In any book an open position keeps a relationship open.
  closingObstacles: async (tx, userId): Promise<readonly ClosingObstacle[]> => {
    const [open] = await tx
      .select({ id: positions.id })
      .from(positions)
      .where(and(eq(positions.userId, userId), isNull(positions.closedAt)))
      .limit(1);
    return open === undefined ? [] : [{ code: 'positions_open', detail: 'Positions are open' }];
  },
  inventory: [
    inventoryOf(positions, 'orders', {
      id: 'internal',
      userId: 'internal',
      accountId: 'internal',
      book: 'internal',
      instrumentId: 'internal',
      symbol: 'internal',
      walletId: 'internal',
      settlementAsset: 'internal',
      side: 'internal',
      status: 'internal',
      quantity: 'internal',
      entryValue: 'internal',
      initialMargin: 'internal',
      openedQuantity: 'internal',
      openedValue: 'internal',
      closedQuantity: 'internal',
      closedValue: 'internal',
      fillCount: 'internal',
      fees: 'internal',
      realisedPnl: 'internal',
      fundingPaid: 'internal',
      lossBorne: 'internal',
      markPrice: 'internal',
      markedAt: 'internal',
      unrealisedPnl: 'internal',
      maintenanceMargin: 'internal',
      liquidationPrice: 'internal',
      version: 'internal',
      openedAt: 'internal',
      updatedAt: 'internal',
      closedAt: 'internal',
    }),
    inventoryOf(marginHolds, 'orders', {
      walletId: 'internal',
      userId: 'internal',
      accountId: 'internal',
      book: 'internal',
      asset: 'internal',
      held: 'internal',
      initialMargin: 'internal',
      maintenanceMargin: 'internal',
      unrealisedPnl: 'internal',
      unrealisedLoss: 'internal',
      updatedAt: 'internal',
    }),
    inventoryOf(positionExits, 'orders', {
      positionId: 'internal',
      userId: 'internal',
      accountId: 'internal',
      instrumentId: 'internal',
      walletId: 'internal',
      side: 'internal',
      stopLoss: 'internal',
      takeProfit: 'internal',
      version: 'internal',
      changedAt: 'internal',
      spansBefore: 'internal',
      triggered: 'internal',
      triggeredAt: 'internal',
      triggerMark: 'internal',
      heldBack: 'internal',
      nextTryAt: 'internal',
      endedAt: 'internal',
    }),
    inventoryOf(positionExitOrders, 'orders', {
      id: 'internal',
      positionId: 'internal',
      userId: 'internal',
      accountId: 'internal',
      symbol: 'internal',
      side: 'internal',
      attempt: 'internal',
      quantity: 'internal',
      orderId: 'internal',
      abandonedAt: 'internal',
      createdAt: 'internal',
    }),
  ],
};
