import type { Ctx } from '../../../platform/context.ts';
import type { FeedTick } from '../prices/rules.ts';
import type { Taken } from '../prices/take-ticks.ts';
import { csvFeed } from './csv-feed.ts';
import { pumpFeed } from './pump-feed.ts';

const DRAIN_MS = 20;

/** Plays ticks as the feed `replay` until the last of them is taken. @units speed: times faster; 0 waits for nothing */
export async function replayTicks(ctx: Ctx, ticks: readonly FeedTick[], speed: number): Promise<Taken> {
  let ended = false;
  const feed = csvFeed({
    ticks,
    speed,
    now: () => ctx.deps.clock.now(),
    ended: () => {
      ended = true;
    },
  });
  const pump = await pumpFeed(ctx, feed);
  const total = { accepted: 0, quarantined: 0 };
  for (;;) {
    const last = ended;
    const taken = await pump.drain();
    total.accepted += taken.accepted;
    total.quarantined += taken.quarantined;
    if (taken.accepted + taken.quarantined === 0) {
      if (last) {
        return total;
      }
      await Bun.sleep(DRAIN_MS);
    }
  }
}
