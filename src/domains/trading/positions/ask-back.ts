/**
 * Asks back from venues what nothing stands behind any more: what is executed there before that is booked. Safe to run
 * twice, and waits for no venue: whoever owns the books carries it out.
 */
import { sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { namesOf, readColumns } from '../../../platform/db/read-columns.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Consumer } from '../../../platform/outbox/consumer.ts';
import { accountsByIds } from '../../accounts/index.ts';
import { instrumentsBySymbol } from '../../markets/index.ts';
import { emptyPlan } from '../pipeline/settle-plan.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { ORDERS_CHANNEL, recordCancelRequests } from '../record-cancel-requests.ts';
import { orders } from '../schema.ts';
import { ORDER_OUTGROWN, type Outgrown, outgrownAmong } from './leaving.ts';
import { keyOf, openOf } from './moves.ts';
import { closableBy } from './rules.ts';

/** What a position that changed left without cover, unless it has some by now. */
export const askBackOutgrown: Consumer = {
  name: 'trading.ask_back_outgrown',
  types: [ORDER_OUTGROWN],
  handle: (ctx, { data }) => {
    const { orderId } = data as { orderId: Id };
    return transact(ctx, 'engine', async (tx) => {
      const outgrown = await outgrownOf(tx, await awayBeside(tx, orderId));
      const told = outgrown.find(({ order }) => order.id === orderId);
      // Those that are told of next with them: each by itself would look at all of them again.
      await askBack(
        tx,
        ctx,
        outgrown.filter(({ reason }) => reason === told?.reason),
      );
    });
  },
};

/** What would open a position of an account that may hold none any more. Our own books end it as it trades. */
export const askBackUngranted: Consumer = {
  name: 'trading.ask_back_ungranted',
  types: ['accounts.margin_set'],
  handle: (ctx, event) => {
    const accountId = present(event.accountId, 'margin is that of an account');
    return transact(ctx, 'engine', async (tx) => {
      const outgrown = await outgrownOf(tx, await awayOf(tx, accountId));
      await askBack(
        tx,
        ctx,
        outgrown.filter(({ reason }) => reason === 'margin_not_enabled'),
      );
    });
  },
};

/** @effects those of a cancel request */
async function askBack(tx: Tx, ctx: Ctx, outgrown: readonly Outgrown[]): Promise<void> {
  for (const [reason, ones] of Map.groupBy(outgrown, (one) => one.reason)) {
    await recordCancelRequests(
      tx,
      ctx,
      ones.map(({ order }) => order.id),
      reason,
    );
    await tx.execute(sql`select pg_notify(${ORDERS_CHANNEL}, '')`);
  }
}

/** Which of the orders that one account has at a venue go beyond what stands behind them. */
async function outgrownOf(tx: Tx, away: readonly OrderRow[]): Promise<readonly Outgrown[]> {
  if (away.length === 0) {
    return [];
  }
  const symbols = away.map(({ symbol }) => symbol);
  const accountIds = away.map(({ accountId }) => accountId);
  const facts = {
    instruments: await instrumentsBySymbol(tx, symbols),
    accounts: await accountsByIds(tx, accountIds),
  };
  const contracts = away.filter(({ symbol }) => facts.instruments.get(symbol)?.kind === 'contract');
  const open = await openOf(tx, contracts);
  const sides = Map.groupBy(contracts, ({ instrumentId, side }) => `${instrumentId} ${side}`);
  return [...sides.values()].flatMap((rows) => {
    const [{ accountId, instrumentId, side }] = rows as [OrderRow];
    const closable = closableBy(side, open.get(keyOf(accountId, instrumentId)));
    return outgrownAmong({ facts }, emptyPlan(), closable, rows);
  });
}

const IS_AWAY = sql`closed_at is null
  and exists (select from venue_orders v where v.order_id = orders.id and v.state <> 'done')`;

async function awayOf(tx: Tx, accountId: Id): Promise<readonly OrderRow[]> {
  return readColumns(
    tx,
    orders,
    namesOf(orders),
    sql`orders where account_id = ${accountId}::uuid and ${IS_AWAY} order by id`,
  );
}

/** What is at a venue for the account, contract and side of an order that was not asked back yet. */
async function awayBeside(tx: Tx, orderId: Id): Promise<readonly OrderRow[]> {
  return readColumns(
    tx,
    orders,
    namesOf(orders),
    sql`orders where (account_id, instrument_id, side) = (
        select one.account_id, one.instrument_id, one.side from orders one where one.id = ${orderId}::uuid
          and one.closed_at is null and one.cancel_requested_at is null)
      and ${IS_AWAY} order by id`,
  );
}
