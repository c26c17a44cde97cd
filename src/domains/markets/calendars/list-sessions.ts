import { addMs, type Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuseMarkets } from '../errors.ts';
import { instrumentOf } from '../store.ts';
import { sessionsBetween } from './calendar.ts';
import { calendarsOf } from './store.ts';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 7;
const MAX_DAYS = 92;

export type Period = { readonly from?: Instant | undefined; readonly to?: Instant | undefined };

/**
 * The sessions of the exchange an instrument is on, as holidays leave them.
 * @errors sessions_period_invalid, not_found
 */
export async function listSessions(ctx: Ctx, symbol: string, period: Period) {
  const from = period.from ?? ctx.deps.clock.now();
  const to = period.to ?? addMs(from, DEFAULT_DAYS * DAY_MS);
  if (to <= from || to > addMs(from, MAX_DAYS * DAY_MS)) {
    throw refuseMarkets('sessions_period_invalid');
  }
  return transact(ctx, ctx.login, async (tx) => {
    const { exchange } = await instrumentOf(tx, symbol);
    const calendar = (await calendarsOf(tx, ctx, [exchange])).get(exchange);
    return {
      symbol,
      exchange,
      timeZone: calendar?.timeZone ?? 'UTC',
      data: calendar === undefined ? [] : sessionsBetween(calendar, from, to),
    };
  });
}
