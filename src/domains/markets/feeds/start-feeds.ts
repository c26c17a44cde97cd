/**
 * Runs the price feeds of an installation: any number of nodes may, one listens to each feed. Who that is an
 * advisory lock says; a node that lost it without knowing repeats what the other says, which is held back.
 */
import { newId } from '../../../kernel/id.ts';
import { CADENCE } from '../../../platform/changes/cadence.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import { standForLeader } from '../../../platform/db/leader.ts';
import type { FeedSetting } from '../../../platform/http/price-feeds.ts';
import { coinbaseFeed } from './coinbase.ts';
import { type Feed, type FeedInstrument, wasSetBack } from './feed.ts';
import { fillGaps } from './fill-gaps.ts';
import { type FeedPump, instrumentsOf, pumpFeed } from './pump-feed.ts';
import { simulatorFeed } from './simulator.ts';

export type Feeds = { readonly stop: () => Promise<void> };

/** How often it is looked who listens, and to which instruments. */
const LOOK_MS = 2_000;

/** Stands for each feed of the settings, and listens where it is elected. */
export function startFeeds(deps: Deps, settings: readonly FeedSetting[]): Feeds {
  const running = settings.map((setting) => standForFeed(deps, setting));
  return {
    stop: async () => {
      await Promise.all(running.map((feed) => feed.stop()));
    },
  };
}

function feedOf(deps: Deps, setting: FeedSetting): Feed {
  switch (setting.name) {
    case 'simulator':
      return simulatorFeed({ seed: setting.seed, now: () => deps.clock.now() });
    case 'coinbase':
      return coinbaseFeed({ url: setting.url, mode: deps.mode, log: deps.log });
  }
}

/** Fetches what gaps left out, beside the listening: at most one round of it is under way. */
function gapFiller(ctx: Ctx, setting: FeedSetting, isStopped: () => boolean) {
  const url = setting.name === 'coinbase' ? setting.history : null;
  let under: Promise<void> | undefined;
  return {
    begin: (): void => {
      if (url === null || under !== undefined) {
        return;
      }
      under = fillGaps(ctx, { url, isStopped })
        .catch((failure: unknown) => {
          const name = failure instanceof Error ? failure.name : 'unknown';
          ctx.deps.log.error(
            { feed: setting.name, failure: name },
            'the gaps of a price feed could not be filled',
          );
        })
        .finally(() => {
          under = undefined;
        });
    },
    ended: async (): Promise<void> => under,
  };
}

/** @shape reached: how far each symbol had come when it was last looked */
type Listening = {
  readonly pump: FeedPump;
  readonly to: string;
  reached: readonly FeedInstrument[];
};

function standForFeed(deps: Deps, setting: FeedSetting): Feeds {
  const ctx = machineCtx(deps, { kind: 'system', name: `feed.${setting.name}` }, newId());
  const session = standForLeader(deps.db.connections.engine, `feed.${setting.name}`);
  let listening: Listening | undefined;
  let lookedMs = Number.NEGATIVE_INFINITY;
  let stopped = false;
  let wake: () => void = () => {};
  const filler = gapFiller(ctx, setting, () => stopped);

  const leave = async (): Promise<void> => {
    await listening?.pump.stop();
    listening = undefined;
  };
  /** Begins, goes on or leaves, as the election and the settings say. */
  const look = async (): Promise<void> => {
    const elected = (await session.run(async () => true)) === true;
    const wanted = elected ? await instrumentsOf(ctx, setting.name) : [];
    const to = wanted.map(({ symbol }) => symbol).join(' ');
    const isOther = to !== (listening?.to ?? '') || wasSetBack(listening?.reached ?? [], wanted);
    if (isOther || listening?.pump.overrun() === true) {
      await leave();
      const reached = wanted;
      listening = to === '' ? undefined : { to, reached, pump: await pumpFeed(ctx, feedOf(deps, setting)) };
    }
    if (listening !== undefined) {
      listening.reached = wanted;
      filler.begin();
    }
  };
  const round = async (): Promise<void> => {
    if (performance.now() - lookedMs >= LOOK_MS) {
      await look();
      lookedMs = performance.now();
    }
    await listening?.pump.drain();
  };
  const run = async (): Promise<void> => {
    while (!stopped) {
      await round().catch((failure: unknown) => {
        const name = failure instanceof Error ? failure.name : 'unknown';
        deps.log.error({ feed: setting.name, failure: name }, 'a price feed could not be taken');
        return Bun.sleep(CADENCE.drainMs * 10);
      });
      await Promise.race([Bun.sleep(CADENCE.drainMs), new Promise<void>((resolve) => (wake = resolve))]);
    }
  };
  const loop = run();
  return {
    stop: async () => {
      stopped = true;
      wake();
      await loop;
      await filler.ended();
      await leave();
      await session.close();
    },
  };
}
