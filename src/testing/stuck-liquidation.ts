import { eq, sql } from 'drizzle-orm';
import { setQuote } from '../domains/markets/index.ts';
import { MARGIN_EVENTS } from '../domains/trading/margin/audit.ts';
import { liquidationOrders, liquidations } from '../domains/trading/margin/schema.ts';
import { positions } from '../domains/trading/positions/schema.ts';
import { parseAmount } from '../kernel/amount.ts';
import { present } from '../kernel/assert.ts';
import { type Id, newId } from '../kernel/id.ts';
import { addMs } from '../kernel/time.ts';
import { record } from '../platform/audit/record.ts';
import type { Tx } from '../platform/db/client.ts';
import { transact } from '../platform/db/transact.ts';
import { tradeContract } from './drivers/positions.ts';
import { listContract } from './list-contract.ts';
import type { Member, World } from './world.ts';

const SYMBOL = 'BTC/USD.THIN';
const QUANTITY = '0.1';

const listed = new WeakSet<World['deps']>();

/**
 * An account that is being liquidated, and whose position nobody takes: the first order for it was placed six minutes
 * ago, the last one a minute ago, and neither traded.
 */
export async function stuckLiquidation(
  world: World,
): Promise<{ readonly as: Member; readonly positionId: Id }> {
  if (!listed.has(world.deps)) {
    await listContract(world.system, { symbol: SYMBOL });
    listed.add(world.deps);
  }
  await setQuote(world.system, { symbol: SYMBOL, last: parseAmount('5000'), source: 'test' });
  const short = await world.newCustomer({ USD: '600' });
  const as = await world.newCustomer({ USD: '600' });
  await tradeContract(world, as, short, { symbol: SYMBOL, quantity: QUANTITY, limitPrice: '5000' });
  await setQuote(world.system, { symbol: SYMBOL, last: parseAmount('2500'), source: 'test' });
  return transact(world.system, 'engine', async (tx) => {
    const [row] = await tx
      .select()
      .from(positions)
      .where(eq(positions.accountId, as.accountId as Id));
    const position = present(row, 'the position was just opened');
    const startedAt = addMs(world.deps.clock.now(), -360_000);
    const id = newId();
    const { userId, accountId, walletId, initialMargin, maintenanceMargin, settlementAsset } = position;
    const figures = { equity: parseAmount('0'), initialMargin, maintenanceMargin };
    const begun = {
      id,
      userId,
      accountId,
      walletId,
      asset: settlementAsset,
      cause: 'threshold',
      ...figures,
      steps: 0,
      nextStepAt: startedAt,
      startedAt,
    } as const;
    await tx.insert(liquidations).values(begun);
    await record(tx, world.system, {
      event: MARGIN_EVENTS['liquidation.started'],
      resource: { type: 'liquidation', id },
      subjectUserId: userId,
      after: begun,
    });
    await triedInVain(tx, position, id, 1, startedAt);
    await triedInVain(tx, position, id, 2, addMs(startedAt, 300_000));
    return { as, positionId: position.id };
  });
}

async function triedInVain(
  tx: Tx,
  { id: positionId, userId, accountId, symbol, quantity }: typeof positions.$inferSelect,
  liquidationId: Id,
  step: number,
  createdAt: (typeof liquidationOrders.$inferSelect)['createdAt'],
): Promise<void> {
  const id = newId();
  const orderId = newId();
  await tx.update(liquidations).set({ steps: step }).where(eq(liquidations.id, liquidationId));
  const decided = { id, liquidationId, positionId, userId, accountId, symbol, step, quantity, createdAt };
  await tx.insert(liquidationOrders).values({ ...decided, side: 'sell' });
  await tx.execute(sql`
    insert into orders select (jsonb_populate_record(o, jsonb_build_object('id', ${orderId}::text, 'side', 'sell',
      'type', 'market', 'time_in_force', 'ioc', 'quantity', ${QUANTITY}::text, 'limit_price', null, 'price_cap', '2437.5',
      'reduce_only', true, 'origin', 'liquidation', 'idempotency_key', 'liquidation-' || ${id}::text,
      'status', 'cancelled', 'cancel_reason', 'no_liquidity', 'book_seq', null, 'filled_quantity', '0',
      'filled_amount', '0', 'fees', '0', 'reservation', '0', 'placed_at', ${createdAt}::text, 'closed_at', ${createdAt}::text))).*
    from orders o where o.account_id = ${accountId} order by o.id limit 1`);
  await tx.update(liquidationOrders).set({ orderId }).where(eq(liquidationOrders.id, id));
}
