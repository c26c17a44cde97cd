/** What keeps the firm from closing a position for its owner just now; each word is a reason that is shown. */
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { type FollowedInstrument, type MarketState, marketStates } from '../../markets/index.ts';
import { isTripped, readTripped, type Tripped } from '../../risk/index.ts';

/** Why an instrument cannot be traded; null where it can. */
export function untradable(
  { status, id }: Pick<FollowedInstrument, 'status' | 'id'>,
  market: MarketState | undefined,
  tripped: Tripped,
  now: string,
): string | null {
  if (status !== 'active') {
    return `instrument_${status}`;
  }
  if (isTripped(tripped, id)) {
    return 'circuit_breaker_active';
  }
  return market?.open && now < market.until ? null : 'market_closed';
}

/** Why instruments cannot be traded now. @shape by instrument; null where it can */
export async function whyUntradable(
  tx: Tx,
  ctx: Ctx,
  instruments: readonly FollowedInstrument[],
): Promise<ReadonlyMap<Id, string | null>> {
  const tripped = await readTripped(tx);
  const markets = await marketStates(tx, ctx, instruments);
  const now = ctx.deps.clock.now();
  return new Map(
    instruments.map((instrument) => [
      instrument.id,
      untradable(instrument, markets.get(instrument.exchange), tripped, now),
    ]),
  );
}
