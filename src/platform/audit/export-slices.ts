/**
 * Slices of the log for exports. A worker reads them: PostgreSQL sends only while somebody takes, so that the thread
 * which writes would wait for it in turns. What lies under a checkpoint does not change.
 */
import { AssertionError, assert } from '../../kernel/assert.ts';
import type { Connection } from '../db/client.ts';
import { COLUMNS, type Tuple } from './export-row.ts';
import { type Answered, type Asked, partsOfRoom, type Room, type RowChoice } from './log-reading.ts';
import type { LeafRange } from './merkle.ts';
import { TILE_WIDTH } from './tiles.ts';

/** How long a worker may take to end its connection before it is stopped. */
const END_MS = 6_000;

/**
 * Whole blocks of leaves `[begin, end)` with their rows. What it gives is good until the next slice is asked
 * for.
 */
export type LogSlice = {
  readonly begin: number;
  readonly end: number;
  /** The leaf of a sequence and its row, which may be gone. */
  readonly leaf: (sequence: number) => Tuple;
};

export type LogReader = {
  /**
   * Whole blocks of leaves that hold `[begin, end)`, of a tree of `size` leaves, in order. To be called once.
   * @errors AssertionError where leaves are missing; an Error with the `code` of the driver or the database
   */
  readonly slices: (range: LeafRange, size: number, choice: RowChoice) => AsyncGenerator<LogSlice>;
  readonly close: () => Promise<void>;
};

/** Opens a reader; the connection is the engine's, which sees every row. */
export function openLogReader(connection: Connection): LogReader {
  const worker = new Worker(new URL('./log-reader-worker.ts', import.meta.url).href, { smol: true });
  const said = answersOf(worker);
  return {
    slices: (range, size, choice) => {
      const begin = range.begin - (range.begin % TILE_WIDTH);
      const end = Math.min(size, Math.ceil(range.end / TILE_WIDTH) * TILE_WIDTH);
      ask(worker, { kind: 'read', connection, range: { begin, end }, choice });
      return slicesOf(worker, said);
    },
    close: async () => {
      ask(worker, { kind: 'end' });
      await Promise.race([said.ended, Bun.sleep(END_MS)]);
      worker.terminate();
    },
  };
}

async function* slicesOf(worker: Worker, said: Answers): AsyncGenerator<LogSlice> {
  for (;;) {
    const answer = await said.next();
    if (answer.kind === 'done') {
      return;
    }
    if (answer.kind === 'failed') {
      throw faultOf(answer);
    }
    yield sliceOf(answer.range, answer.room);
    ask(worker, { kind: 'room', room: answer.room }, partsOfRoom(answer.room));
  }
}

function sliceOf({ begin, end }: LeafRange, { bytes, begins, lengths }: Room): LogSlice {
  const tuple = { tuples: { bytes: Buffer.from(bytes), begins, lengths, columns: COLUMNS }, base: 0 };
  return {
    begin,
    end,
    leaf: (sequence) => {
      assert(begin <= sequence && sequence < end, 'a slice has its own leaves only');
      tuple.base = (sequence - begin) * COLUMNS;
      return tuple;
    },
  };
}

function ask(worker: Worker, asked: Asked, handedOver: ArrayBuffer[] = []): void {
  worker.postMessage(asked, handedOver);
}

function faultOf({ isAssertion, code }: Extract<Answered, { kind: 'failed' }>): Error {
  const message = 'the log could not be read';
  return isAssertion ? new AssertionError(message) : Object.assign(new Error(message), { code });
}

type Answers = {
  /** The next that was said; a reader that ended early has failed. */
  readonly next: () => Promise<Answered>;
  readonly ended: Promise<void>;
};

/** What a worker says, in order, however long it takes until somebody listens. */
function answersOf(worker: Worker): Answers {
  const waiting: Answered[] = [];
  let listener: ((answer: Answered) => void) | undefined;
  let last: Answered | undefined;
  const tell = (answer: Answered): void => {
    if (listener === undefined) {
      waiting.push(answer);
    } else {
      listener(answer);
      listener = undefined;
    }
  };
  const stop = (): void => {
    last = { kind: 'failed', isAssertion: false, code: '' };
    tell(last);
  };
  const ended = new Promise<void>((resolve) => {
    worker.addEventListener('close', () => {
      stop();
      resolve();
    });
  });
  worker.addEventListener('message', ({ data }: MessageEvent<Answered>) => tell(data));
  worker.addEventListener('error', stop);
  return {
    next: () =>
      new Promise((resolve) => {
        const answer = waiting.shift() ?? last;
        if (answer === undefined) {
          listener = resolve;
        } else {
          resolve(answer);
        }
      }),
    ended,
  };
}
