import type { Amount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { PricedInstrument } from '../../markets/index.ts';
import type { BookEvents } from '../pipeline/record-settlement.ts';
import { fillsOf, type Plan } from '../pipeline/settle-plan.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { countVolume } from './count-volume.ts';
import { type FeesOfDay, feesOfDay } from './fees-of-day.ts';

/** The tiers of those who trade in a settlement. @effects those of `feesOfDay` */
export function feesOfTraders(
  tx: Tx,
  ctx: Ctx,
  batch: readonly BookEvents[],
  rows: ReadonlyMap<Id, OrderRow>,
): Promise<FeesOfDay> {
  const traders = batch.flatMap(({ events }) =>
    events.flatMap((event) =>
      event.type === 'trade'
        ? [event.makerPersonId, event.takerPersonId]
        : event.type === 'executed'
          ? (rows.get(event.orderId)?.userId ?? [])
          : [],
    ),
  );
  return feesOfDay(tx, ctx, traders);
}

/**
 * Counts what a settlement turned over in live books.
 * @effects `trading_volumes`
 * @shape what each fill counted for; a fill that did not count is missing
 */
export async function countTurnovers(
  tx: Tx,
  ctx: Ctx,
  fees: FeesOfDay,
  plan: Plan,
  instruments: ReadonlyMap<string, PricedInstrument>,
): Promise<ReadonlyMap<Id, Amount>> {
  const turnovers = plan.trades
    .filter(({ book }) => book === 'live')
    .flatMap((trade) => {
      const { quoteAsset } = present(instruments.get(trade.symbol), 'a traded instrument exists');
      return fillsOf(trade).map(({ id, order }) => ({
        fillId: id,
        userId: order.userId,
        asset: quoteAsset,
        amount: trade.amount,
      }));
    });
  return countVolume(tx, ctx, fees, turnovers);
}
