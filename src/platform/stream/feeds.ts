/**
 * The feeds of one node: each is read once for all who subscribed to it, when its watch says so and by
 * itself every second (notices can be lost), and at most as often as its channel allows. A feed that takes
 * long to read is read more rarely, so that reading never takes a connection for itself, and only some are
 * read at once, so that all of them together leave most connections to requests. Feeds of a channel that reads many
 * together share a turn.
 */
import type { Ctx, Deps } from '../context.ts';
import type { Feed, StreamChannel } from './channel.ts';

export type Subscriber = (messages: readonly unknown[]) => void;

export type Joined = {
  readonly snapshot: unknown;
  readonly leave: () => void;
};

export type Feeds = {
  /**
   * Subscribes: whatever the feed tells after the snapshot reaches the subscriber, in order.
   * @errors what the channel refuses
   */
  readonly join: (
    channel: StreamChannel,
    ctx: Ctx,
    params: unknown,
    subscriber: Subscriber,
  ) => Promise<Joined>;
};

type Live = {
  readonly key: string;
  readonly turns: Turns;
  readonly everyMs: number;
  readonly feed: Feed;
  readonly subscribers: Set<Subscriber>;
  unwatch: () => void;
  timer: Timer | undefined;
  /** The poll under way. */
  polling: Promise<void> | undefined;
  dueMs: number;
  endedMs: number;
  tookMs: number;
};

const BACKSTOP_MS = 1_000;
/** A feed is read for at most this part of the time. */
const SHARE = 4;
/** Together they take at most this part of the connections that serve requests. */
const POOL_SHARE = 4;

/** Lets so many work at once; the others follow in the order they came. */
type Turns = <Value>(work: () => Promise<Value>) => Promise<Value>;

function turnsOf(most: number): Turns {
  const waiting: (() => void)[] = [];
  let free = most;
  return async (work) => {
    if (free > 0) {
      free -= 1;
    } else {
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      // The turn goes from hand to hand: nobody who comes just now takes it.
      const next = waiting.shift();
      if (next === undefined) {
        free += 1;
      } else {
        next();
      }
    }
  };
}

/** What is due within this time is read together, where a channel reads so. */
const GATHER_MS = 20;

/** Lets many work in one turn of others: whoever is due by the time it comes, up to so many. */
function sharedTurns(turns: Turns, most: number): Turns {
  const waiting: (() => Promise<void>)[] = [];
  const takeTurn = (): void => {
    void turns(async () => {
      const works = waiting.splice(0, most);
      if (waiting.length > 0) {
        takeTurn();
      }
      await Promise.all(works.map((work) => work()));
    });
  };
  return (work) =>
    new Promise((resolve, reject) => {
      waiting.push(() => work().then(resolve, reject));
      // Where others wait already, a turn is asked for.
      if (waiting.length === 1) {
        setTimeout(takeTurn, GATHER_MS);
      }
    });
}

/** The feeds of a node. */
export function feedsOf(deps: Deps): Feeds {
  const feeds = new Map<string, Promise<Live>>();
  const turns = turnsOf(Math.max(1, Math.floor(deps.db.sizes.app / POOL_SHARE)));
  const shared = new Map<string, Turns>();
  const turnsFor = ({ name, together }: StreamChannel): Turns => {
    const own = shared.get(name) ?? (together === undefined ? turns : sharedTurns(turns, together));
    shared.set(name, own);
    return own;
  };
  const opened = async (key: string, channel: StreamChannel, ctx: Ctx, params: unknown): Promise<Live> => {
    const feed = await channel.open(ctx, params as never);
    const live: Live = {
      key,
      turns: turnsFor(channel),
      everyMs: channel.everyMs,
      feed,
      subscribers: new Set(),
      unwatch: () => {},
      timer: undefined,
      polling: undefined,
      dueMs: Number.POSITIVE_INFINITY,
      endedMs: performance.now(),
      tookMs: 0,
    };
    live.unwatch = feed.watch(() => schedule(deps, live, 0));
    schedule(deps, live, BACKSTOP_MS);
    return live;
  };
  const close = (live: Live): void => {
    feeds.delete(live.key);
    live.unwatch();
    clearTimeout(live.timer);
  };
  return {
    join: async (channel, ctx, params, subscriber) => {
      const key = `${channel.name} ${channel.keyOf(ctx, params as never)}`;
      for (;;) {
        const opening = feeds.get(key) ?? opened(key, channel, ctx, params);
        feeds.set(key, opening);
        const live = await opening.catch((failure: unknown) => {
          feeds.delete(key);
          throw failure;
        });
        // The last of the others may have left meanwhile, and the feed with them.
        if (feeds.get(key) !== opening) {
          continue;
        }
        // Taken in one step with joining: what a poll tells next is behind this snapshot.
        live.subscribers.add(subscriber);
        return {
          snapshot: live.feed.snapshot(),
          leave: () => {
            live.subscribers.delete(subscriber);
            if (live.subscribers.size === 0 && feeds.get(key) === opening) {
              close(live);
            }
          },
        };
      }
    },
  };
}

/** Sees to it that the feed is read after `delayMs`, or as soon after as it may be. */
function schedule(deps: Deps, live: Live, delayMs: number): void {
  const nowMs = performance.now();
  const earliestMs = live.endedMs + Math.max(live.everyMs, live.tookMs * SHARE);
  const dueMs = Math.max(nowMs + delayMs, earliestMs);
  if (dueMs >= live.dueMs) {
    return;
  }
  live.dueMs = dueMs;
  if (live.polling === undefined) {
    clearTimeout(live.timer);
    live.timer = setTimeout(() => run(deps, live), dueMs - nowMs);
  }
}

function run(deps: Deps, live: Live): void {
  if (live.polling !== undefined) {
    return;
  }
  live.dueMs = Number.POSITIVE_INFINITY;
  live.polling = live
    .turns(() => poll(deps, live))
    .finally(() => {
      live.polling = undefined;
      if (live.subscribers.size === 0) {
        return;
      }
      const wantedMs = live.dueMs;
      live.dueMs = Number.POSITIVE_INFINITY;
      schedule(deps, live, Math.min(BACKSTOP_MS, Math.max(0, wantedMs - performance.now())));
    });
}

async function poll(deps: Deps, live: Live): Promise<void> {
  if (live.subscribers.size === 0) {
    // The last one left while it waited for its turn.
    return;
  }
  const beganMs = performance.now();
  try {
    const messages = await live.feed.poll();
    if (messages.length > 0) {
      for (const subscriber of live.subscribers) {
        subscriber(messages);
      }
    }
  } catch (failure) {
    deps.log.warn(
      { feed: live.key.split(' ')[0], failure: failure instanceof Error ? failure.name : 'unknown' },
      'a feed could not be read; it is tried again',
    );
  }
  live.endedMs = performance.now();
  live.tookMs = live.endedMs - beganMs;
}
