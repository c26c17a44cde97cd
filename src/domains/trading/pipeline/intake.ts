/**
 * The queue in front of the accept lane. No timer: whenever the lane is free it takes everything
 * that waits, up to a batch. Alone, an order waits for nobody; under load batches grow by
 * themselves. What the firm orders to close positions waits apart and is taken first. The queue is bounded, and so
 * is what of it one person takes with all their accounts, and what play money takes, for which nobody is identified.
 */
import { refuse } from '../../../platform/http/refuse.ts';
import type { Placed, Ticket } from './ticket.ts';

export type Waiting = {
  readonly ticket: Ticket;
  readonly resolve: (placed: Placed) => void;
  readonly reject: (error: unknown) => void;
};

export type Intake = {
  /** @errors busy when the queue or a share of it is full, or the intake is closed */
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
/** Of customers, and of the firm. */
const QUEUE_MAX = 4_096;
const SHARE_MAX = 1_024;

/** What takes a share together: all that is not known to be of real money. */
const PLAY_MONEY = 'paper';
const PLAY_MONEY_MAX = QUEUE_MAX / 2;

/** One that waits, and the shares it takes a place of until it is accepted. */
type Queued = Waiting & { readonly shares: readonly string[] };

/** What waits. Customers of a busy time neither keep the firm from closing nor have it refused. */
type Lines = { readonly firm: Queued[]; readonly customers: Queued[] };

/**
 * `accept` answers every order it is given, `room` says when it may be given more; neither throws. `isLive` says of which
 * orders it is known that they trade real money.
 */
export function createIntake(
  accept: (batch: readonly Waiting[]) => Promise<void>,
  room: () => Promise<void>,
  isLive: (ticket: Ticket) => boolean,
): Intake {
  const lines: Lines = { firm: [], customers: [] };
  const taken = new Map<string, number>();
  let lane: Promise<unknown> = Promise.resolve();
  let draining: Promise<void> | undefined;
  let closed = false;

  const between = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = lane.then(work);
    lane = result.catch(() => undefined);
    return result;
  };
  const drain = async (): Promise<void> => {
    while (lines.firm.length + lines.customers.length > 0) {
      // Outside the lane, which those need who read a book again; who stops waits for answers, not for room.
      if (!closed) {
        await room();
      }
      await between(async () => {
        const batch = nextBatch(lines);
        for (const { shares } of batch) {
          takeShares(taken, shares, -1);
        }
        await accept(batch);
      });
    }
    draining = undefined;
  };
  const enter = (tickets: readonly Ticket[]): Promise<Placed>[] | null => {
    const entering = tickets.map((ticket) => ({ ticket, shares: sharesOf(ticket, isLive) }));
    const names = entering.flatMap(({ shares }) => shares);
    takeShares(taken, names, 1);
    const overdrawn = names.some((name) => (taken.get(name) ?? 0) > mostOf(name));
    if (closed || overdrawn || isFull(lines, tickets)) {
      takeShares(taken, names, -1);
      return null;
    }
    return entering.map(
      ({ ticket, shares }) =>
        new Promise<Placed>((resolve, reject) => {
          lineOf(lines, ticket).push({ ticket, shares, resolve, reject });
          draining ??= drain();
        }),
    );
  };
  const tooBusy = () => refuse('busy', { headers: { 'retry-after': '1' } });
  return {
    between,
    submit: async (ticket) => {
      const [placed] = enter([ticket]) ?? [];
      return placed ?? Promise.reject(tooBusy());
    },
    submitMany: async (tickets) => {
      const placed = enter(tickets);
      return placed === null ? Promise.reject(tooBusy()) : Promise.allSettled(placed);
    },
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

/** The firm's go first, with half of the batch at least left to customers: they too have to get out of positions. */
function nextBatch({ firm, customers }: Lines): readonly Queued[] {
  const batch = firm.splice(0, BATCH_MAX / 2);
  batch.push(...customers.splice(0, BATCH_MAX - batch.length));
  batch.push(...firm.splice(0, BATCH_MAX - batch.length));
  return batch;
}

function lineOf({ firm, customers }: Lines, { origin = 'customer' }: Ticket): Queued[] {
  return origin === 'customer' ? customers : firm;
}

function isFull(lines: Lines, tickets: readonly Ticket[]): boolean {
  return tickets.some((ticket) => lineOf(lines, ticket).length + tickets.length > QUEUE_MAX);
}

function takeShares(taken: Map<string, number>, names: readonly string[], change: number): void {
  for (const name of names) {
    const share = (taken.get(name) ?? 0) + change;
    if (share === 0) {
      taken.delete(name);
    } else {
      taken.set(name, share);
    }
  }
}

/** What the firm orders for an account has a share of its own: nobody keeps it from closing by ordering much. */
function sharesOf(ticket: Ticket, isLive: (ticket: Ticket) => boolean): readonly string[] {
  const { userId, order, origin = 'customer' } = ticket;
  if (origin !== 'customer') {
    return [`${origin} ${order.accountId}`];
  }
  return isLive(ticket) ? [userId] : [userId, PLAY_MONEY];
}

function mostOf(name: string): number {
  return name === PLAY_MONEY ? PLAY_MONEY_MAX : SHARE_MAX;
}
