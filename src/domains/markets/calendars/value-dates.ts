import { present } from '../../../kernel/assert.ts';
import { type Ctx, perDeps } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { Instrument } from '../store.ts';
import { businessDayAfter, type Calendar, tradingDateAt } from './calendar.ts';
import { currentCalendar } from './store.ts';

/** When a trade took place and when it settles, both trading days of the exchange. @units YYYY-MM-DD */
export type ValueDates = { readonly tradeDate: string; readonly valueDate: string };

/** Business days from trade to settlement. */
const DAYS: Readonly<Record<string, number>> = { 'T+0': 0, 'T+1': 1, 'T+2': 2 };

/** Days that were counted, for as long as their calendar is the current one. */
const counted = perDeps(() => new WeakMap<Calendar, Map<string, string>>());

/**
 * The dates of a trade of now: its settlement cycle counts the business days of its exchange.
 * @units `calendarVersion`: as the caller just read it with the instrument
 */
export async function valueDates(
  tx: Tx,
  ctx: Ctx,
  instrument: Pick<Instrument, 'exchange' | 'settlementCycle'> & { readonly calendarVersion: number | null },
): Promise<ValueDates> {
  const calendar = await currentCalendar(tx, ctx, instrument);
  const tradeDate = tradingDateAt(calendar, ctx.deps.clock.now());
  const days = present(DAYS[instrument.settlementCycle], 'a settlement cycle is one of the three');
  const known = counted(ctx.deps).get(calendar) ?? new Map<string, string>();
  const key = `${tradeDate} ${days}`;
  const valueDate = known.get(key) ?? businessDayAfter(calendar, tradeDate, days);
  counted(ctx.deps).set(calendar, known.set(key, valueDate));
  return { tradeDate, valueDate };
}
