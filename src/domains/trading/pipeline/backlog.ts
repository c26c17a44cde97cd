/**
 * Keeps intake from running ahead of settlement. Accepting an order costs less than settling it: without a bound, a
 * load that lasts would have ever more orders answered that nobody matches for ever longer.
 */
import type { Book, Desk } from './desk.ts';

export type Backlog = {
  /** Resolves once the books have little enough to do, or it took too long for anybody to wait. */
  readonly room: () => Promise<void>;
  /** Told after each step of settlement. */
  readonly stepped: () => void;
};

const WORKS_MAX = 4_096;

/** Settlement may be stuck, and what is accepted is durable whether it goes on or not. */
const WAIT_MS = 1_000;

/** @units waitMs: how long a batch waits for room at most */
export function createBacklog(desk: Desk, waitMs = WAIT_MS): Backlog {
  const waiting = new Set<() => void>();
  const letGo = (): void => {
    for (const go of waiting) {
      go();
    }
    waiting.clear();
  };
  return {
    room: async () => {
      if (isFull(desk)) {
        const bound = setTimeout(letGo, waitMs);
        await new Promise<void>((go) => {
          waiting.add(go);
        });
        clearTimeout(bound);
      }
    },
    stepped: () => {
      if (!isFull(desk)) {
        letGo();
      }
    },
  };
}

function isFull({ books }: Desk): boolean {
  let works = 0;
  for (const book of books.values()) {
    works += isTaken(book) ? book.queue.length - book.replaying : 0;
  }
  return works > WORKS_MAX;
}

/** A book that is read again, held still or stopped, or that goes one by one, is no reason to keep the others waiting. */
function isTaken({ ready, still, tripped, failures }: Book): boolean {
  return ready && still === 0 && !tripped && failures === 0;
}
