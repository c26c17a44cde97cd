/** Runs a work when its turn has come. */
export type Turns = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** How many may wait, and what is thrown at whoever would wait behind them. */
export type Queue = { readonly max: number; readonly full: () => Error };

/** Lets so many works be under way together; the others wait for their turn, in their order. */
export function createTurns(max: number, queue?: Queue): Turns {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= max) {
      if (queue !== undefined && waiting.length >= queue.max) {
        throw queue.full();
      }
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) {
        running -= 1;
      } else {
        next();
      }
    }
  };
}
