import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { exchange } from '../schema.ts';
import { nextClose, nextOpen, sessionAt, stateAt } from './calendar.ts';
import { calendarsOf, type Exchange } from './store.ts';

/** The time that orders and sessions go by; with the state of exchanges only where it is asked for. */
export async function marketClock(ctx: Ctx, wanted: Exchange | 'all' | undefined) {
  const now = ctx.deps.clock.now();
  const phase = 'continuous' as const;
  if (wanted === undefined) {
    return { now, phase };
  }
  const named = wanted === 'all' ? exchange.enumValues : [wanted];
  const calendars = await transact(ctx, ctx.login, (tx) => calendarsOf(tx, ctx, named));
  const exchanges = [...calendars].map(([name, calendar]) => {
    const session = sessionAt(calendar, now);
    return {
      exchange: name,
      timeZone: calendar.timeZone,
      open: session?.kind === 'regular',
      preOpen: stateAt(calendar, now).preOpen,
      session: session?.kind ?? null,
      nextOpen: nextOpen(calendar, now),
      nextClose: nextClose(calendar, now),
    };
  });
  return { now, phase, exchanges };
}
