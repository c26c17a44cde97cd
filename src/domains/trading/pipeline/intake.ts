/**
 * The queue in front of the accept lane. No timer: whenever the lane is free it takes everything
 * that waits, up to a batch. Alone, an order waits for nobody; under load batches grow by
 * themselves. Both the queue and each account's share of it are bounded.
 */
import { refuse } from '../../../platform/http/refuse.ts';
import type { Placed, Ticket } from './ticket.ts';

export type Waiting = {
  readonly ticket: Ticket;
  readonly resolve: (placed: Placed) => void;
  readonly reject: (error: unknown) => void;
};

export type Intake = {
  /** @errors busy when the queue or the account's share of it is full, or the intake is closed */
  readonly submit: (ticket: Ticket) => Promise<Placed>;
  /** Takes all of them, one behind the other, or none. @errors busy, as `submit` for so many */
  readonly submitMany: (tickets: readonly Ticket[]) => Promise<PromiseSettledResult<Placed>[]>;
  /** Runs work between two batches: no order is being accepted meanwhile. */
  readonly between: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** Refuses new orders and waits until every order taken has its answer. */
  readonly close: () => Promise<void>;
  readonly open: () => void;
};

export const BATCH_MAX = 256;
const QUEUE_MAX = 4_096;
const ACCOUNT_SHARE_MAX = 1_024;

/** `accept` answers every order it is given, `room` says when it may be given more; neither throws. */
export function createIntake(
  accept: (batch: readonly Waiting[]) => Promise<void>,
  room: () => Promise<void>,
): Intake {
  const queue: Waiting[] = [];
  const shares = new Map<string, number>();
  let lane: Promise<unknown> = Promise.resolve();
  let draining: Promise<void> | undefined;
  let closed = false;

  const between = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = lane.then(work);
    lane = result.catch(() => undefined);
    return result;
  };
  const drain = async (): Promise<void> => {
    while (queue.length > 0) {
      // Outside the lane, which those need who read a book again; who stops waits for answers, not for room.
      if (!closed) {
        await room();
      }
      await between(async () => {
        const batch = queue.splice(0, BATCH_MAX);
        for (const { ticket } of batch) {
          takeShare(shares, ticket, -1);
        }
        await accept(batch);
      });
    }
    draining = undefined;
  };
  const isFull = (tickets: readonly Ticket[]): boolean => {
    for (const ticket of tickets) {
      takeShare(shares, ticket, 1);
    }
    const overdrawn = tickets.some((ticket) => (shares.get(shareOf(ticket)) ?? 0) > ACCOUNT_SHARE_MAX);
    const full = closed || overdrawn || queue.length + tickets.length > QUEUE_MAX;
    if (full) {
      for (const ticket of tickets) {
        takeShare(shares, ticket, -1);
      }
    }
    return full;
  };
  const enqueue = (ticket: Ticket): Promise<Placed> =>
    new Promise<Placed>((resolve, reject) => {
      queue.push({ ticket, resolve, reject });
      draining ??= drain();
    });
  const tooBusy = () => refuse('busy', { headers: { 'retry-after': '1' } });
  return {
    between,
    submit: (ticket) => (isFull([ticket]) ? Promise.reject(tooBusy()) : enqueue(ticket)),
    submitMany: (tickets) =>
      isFull(tickets) ? Promise.reject(tooBusy()) : Promise.allSettled(tickets.map(enqueue)),
    close: async () => {
      closed = true;
      await draining;
      await lane;
    },
    open: () => {
      closed = false;
    },
  };
}

function takeShare(shares: Map<string, number>, ticket: Ticket, change: number): void {
  const name = shareOf(ticket);
  const share = (shares.get(name) ?? 0) + change;
  if (share === 0) {
    shares.delete(name);
  } else {
    shares.set(name, share);
  }
}

/** What the firm orders for an account has a share of its own: nobody keeps it from closing by ordering much. */
function shareOf({ order, origin = 'customer' }: Ticket): string {
  return origin === 'customer' ? order.accountId : `${origin} ${order.accountId}`;
}
