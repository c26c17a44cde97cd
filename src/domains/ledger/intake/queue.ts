/**
 * What stands before the ledger's writers. No timer: whenever a lane is free it takes everything that
 * waits, up to a batch. Alone, a posting waits for nobody; under load batches grow by themselves. The
 * queue and each person's share of it are bounded, so that what is refused was never begun.
 */
import { assert } from '../../../kernel/assert.ts';
import { refuse } from '../../../platform/http/refuse.ts';

export type Outcome<Ticket, Answer> =
  | { readonly ticket: Ticket; readonly answer: Answer }
  | { readonly ticket: Ticket; readonly error: unknown };

export type QueueLimits<Ticket> = {
  /** How many batches are in flight at once. */
  readonly lanes: number;
  readonly batchMax: number;
  readonly queueMax: number;
  readonly shareMax: number;
  /** Whose share a ticket counts in. */
  readonly shareOf: (ticket: Ticket) => string;
};

export type Queue<Ticket, Answer> = {
  /** Resolves when the commit is durable. @errors busy when the queue or a share of it is full, or it closed */
  readonly submit: (ticket: Ticket) => Promise<Answer>;
  /** Takes nothing new, and resolves when everything that was taken has its answer. */
  readonly close: () => Promise<void>;
};

type Waiting<Ticket, Answer> = {
  readonly ticket: Ticket;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
};

/** `carryOut` gives every ticket of a batch its outcome; where it throws, all of them hear that. */
export function createQueue<Ticket extends object, Answer>(
  limits: QueueLimits<Ticket>,
  carryOut: (batch: readonly Ticket[]) => Promise<readonly Outcome<Ticket, Answer>[]>,
): Queue<Ticket, Answer> {
  const waiting: Waiting<Ticket, Answer>[] = [];
  const shares = new Map<string, number>();
  const idle: (() => void)[] = [];
  let busyLanes = 0;
  let closed = false;

  const take = (): readonly Waiting<Ticket, Answer>[] => {
    const batch = waiting.splice(0, limits.batchMax);
    for (const { ticket } of batch) {
      countShare(shares, limits.shareOf(ticket), -1);
    }
    return batch;
  };
  const runLane = async (): Promise<void> => {
    let tell = () => {};
    for (let batch = take(); batch.length > 0; batch = take()) {
      const work = settle(batch, carryOut);
      // The next batch is on its way before those of the last one hear and ask for more.
      tell();
      tell = await work;
      if (waiting.length === 0) {
        tell();
        tell = () => {};
        await turn();
      }
    }
    busyLanes -= 1;
    if (busyLanes === 0) {
      for (const hear of idle.splice(0)) {
        hear();
      }
    }
  };
  /** What arrives in one turn of the event loop goes together. */
  const openLane = (): void => {
    if (busyLanes < limits.lanes) {
      busyLanes += 1;
      void turn().then(() => {
        if (waiting.length > limits.batchMax) {
          openLane();
        }
        return runLane();
      });
    }
  };
  return {
    submit: (ticket) => {
      const share = limits.shareOf(ticket);
      if (closed || waiting.length >= limits.queueMax || (shares.get(share) ?? 0) >= limits.shareMax) {
        return Promise.reject(refuse('busy', { headers: { 'retry-after': '1' } }));
      }
      countShare(shares, share, 1);
      return new Promise<Answer>((resolve, reject) => {
        waiting.push({ ticket, resolve, reject });
        openLane();
      });
    },
    close: async () => {
      closed = true;
      if (busyLanes > 0) {
        await new Promise<void>((resolve) => idle.push(resolve));
      }
    },
  };
}

/** The rest of this turn of the event loop; no timer, since nothing is waited for. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Carries a batch out and returns what tells its callers; nobody is left without an answer. */
async function settle<Ticket extends object, Answer>(
  batch: readonly Waiting<Ticket, Answer>[],
  carryOut: (batch: readonly Ticket[]) => Promise<readonly Outcome<Ticket, Answer>[]>,
): Promise<() => void> {
  try {
    const outcomes = await carryOut(batch.map(({ ticket }) => ticket));
    const outcomeOf = new Map(outcomes.map((outcome) => [outcome.ticket, outcome]));
    assert(outcomeOf.size === batch.length, 'every ticket of a batch has its outcome');
    return () => {
      for (const { ticket, resolve, reject } of batch) {
        const outcome = outcomeOf.get(ticket);
        if (outcome !== undefined && 'answer' in outcome) {
          resolve(outcome.answer);
        } else {
          reject(outcome?.error);
        }
      }
    };
  } catch (error) {
    return () => {
      for (const { reject } of batch) {
        reject(error);
      }
    };
  }
}

function countShare(shares: Map<string, number>, share: string, change: number): void {
  const count = (shares.get(share) ?? 0) + change;
  if (count === 0) {
    shares.delete(share);
  } else {
    shares.set(share, count);
  }
}
