import type { Ctx } from '../../platform/context.ts';
import { tradingEngine } from './pipeline/trading-engine.ts';
import { EXPIRE_MAX, requestExpiries } from './request-expiries.ts';

/**
 * Ends orders whose time is over, those of a day with the session they were placed in, until none is left. Whoever
 * matches looks for them each second and lets none trade meanwhile; this is for where nobody matches.
 * @effects as `requestExpiries`
 */
export async function expireOrders(ctx: Ctx): Promise<void> {
  for (;;) {
    const expired = await requestExpiries(ctx);
    await tradingEngine(ctx.deps).carryOutCancels(expired);
    if (expired.length < EXPIRE_MAX) {
      return;
    }
  }
}
