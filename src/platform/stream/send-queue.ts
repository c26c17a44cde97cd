/**
 * What waits for a client that reads slowly. What is of channel `latest` waits once for each subscription
 * and is replaced; what is of channel `every` waits in full, up to a bound. Sequence numbers are given as
 * messages leave, so that a subscription's numbers have no gap whatever was replaced.
 */
import type { StreamChannel } from './channel.ts';

export type Subscription = {
  readonly id: string;
  readonly channel: StreamChannel;
  /** What was asked for beside the channel, as it was asked. */
  readonly names: Readonly<Record<string, unknown>>;
  sequence: number;
};

export type Outgoing = {
  readonly subscription: Subscription;
  readonly type: 'snapshot' | 'update';
  readonly id?: string;
  data: unknown;
};

/** The part of a socket that the queue uses. */
export type Outlet = {
  readonly send: (text: string) => unknown;
  readonly getBufferedAmount: () => number;
};

export type SendQueue = {
  /** False where the client is too slow: the stream has to end. */
  readonly push: (outgoing: Outgoing) => boolean;
  /** Sends what the socket takes. */
  readonly flush: () => void;
  readonly drop: (subscription: Subscription) => void;
  /** Since when messages wait, on the monotonic clock; null where none does. */
  readonly waitsSinceMs: () => number | null;
};

/** A socket that holds more than this gets no more until it has drained. @units bytes */
const HIGH_WATER_BYTES = 256 * 1024;

/** The queue of one stream. */
export function sendQueue(outlet: Outlet, limit: number): SendQueue {
  let waiting: Outgoing[] = [];
  const latest = new Map<Subscription, Outgoing>();
  let sinceMs: number | null = null;

  const flush = (): void => {
    let sent = 0;
    for (const outgoing of waiting) {
      if (outlet.getBufferedAmount() >= HIGH_WATER_BYTES) {
        break;
      }
      sent += 1;
      latest.delete(outgoing.subscription);
      outlet.send(textOf(outgoing));
    }
    waiting = sent === 0 ? waiting : waiting.slice(sent);
    // What left proves that the client reads.
    sinceMs = waiting.length === 0 ? null : sent > 0 ? performance.now() : (sinceMs ?? performance.now());
  };
  return {
    push: (outgoing) => {
      const { channel } = outgoing.subscription;
      const before = channel.delivery === 'latest' ? latest.get(outgoing.subscription) : undefined;
      if (before !== undefined && outgoing.type === 'update') {
        // A snapshot that has not left yet becomes one of what holds now.
        before.data = outgoing.data;
        return true;
      }
      waiting.push(outgoing);
      if (channel.delivery === 'latest') {
        latest.set(outgoing.subscription, outgoing);
      }
      flush();
      return waiting.length <= limit;
    },
    flush,
    drop: (subscription) => {
      waiting = waiting.filter((outgoing) => outgoing.subscription !== subscription);
      latest.delete(subscription);
    },
    waitsSinceMs: () => sinceMs,
  };
}

function textOf({ subscription, type, id, data }: Outgoing): string {
  subscription.sequence += 1;
  return JSON.stringify({
    type,
    ...(id === undefined ? {} : { id }),
    subscription: subscription.id,
    channel: subscription.channel.name,
    ...(type === 'snapshot' ? subscription.names : {}),
    sequence: subscription.sequence,
    data,
  });
}
