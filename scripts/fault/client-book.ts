/**
 * What clients wrote down: every request before it was sent, and its answer once it came. After a fault it
 * is the only witness of what was promised.
 */
import { requestOf, type Sender, type SentAnswer, type Wire } from './sender.ts';

/** Requests that make rows of their own, and the table they lie in. */
export const MADE = {
  deposit: 'deposits',
  withdrawal: 'withdrawals',
  order: 'orders',
  // Waits for its price.
  held: 'orders',
  // An order with the two that leave it again.
  bracket: 'orders',
  // Two of which one cancels the other.
  pair: 'orders',
  // In a contract, on margin.
  contract: 'orders',
  // Of a paper account, at the simulated venue.
  paper: 'orders',
  transfer: 'transfers',
  conversion: 'conversion_quotes',
  hold: 'holds',
  payoutFile: 'payout_files',
} as const;

export type Made = keyof typeof MADE;

/** Requests that move a row on; the states that keep what was promised. */
export const STEPS = {
  pay: { table: 'deposits', keeps: ['cleared'] },
  cancel: { table: 'withdrawals', keeps: ['cancelled'] },
  approve: { table: 'withdrawals', keeps: ['under_review', 'approved', 'processing', 'completed'] },
  process: { table: 'withdrawals', keeps: ['processing', 'completed'] },
  complete: { table: 'withdrawals', keeps: ['completed'] },
  takeOut: { table: 'orders', keeps: ['cancelled', 'filled'] },
  // What another person is asked for: it may be decided, and it may not be forgotten.
  request: {
    table: 'approvals',
    keeps: ['pending', 'approved', 'executed', 'rejected', 'cancelled', 'expired'],
  },
  release: { table: 'holds', keeps: ['released'] },
  capture: { table: 'hold_captures', keeps: ['captured'] },
  post: { table: 'journals', keeps: ['posted'] },
  reverse: { table: 'journal_reversals', keeps: ['reversed'] },
  clear: { table: 'deposits', keeps: ['cleared'] },
  import: { table: 'bank_statements', keeps: ['waiting', 'confirmed'] },
  confirm: { table: 'bank_statements', keeps: ['confirmed'] },
  report: { table: 'withdrawals', keeps: ['completed'] },
} as const;

export type Step = keyof typeof STEPS;

export type Entry = {
  readonly round: number;
  readonly what: Made | Step;
  readonly wire: Wire;
  /** The rows a step moves; what its answer names where it says nothing before. */
  targets: readonly string[];
  state: 'unanswered' | 'acknowledged' | 'refused';
  attempts: number;
  /** The first answer that counts. */
  status: number;
  text: string;
  /** The row a request made. */
  id: string | null;
  /** Rows it made besides. */
  others: readonly string[];
};

export type ClientBook = {
  readonly entries: Entry[];
  /** Writes down, sends, and writes down what came. */
  readonly ask: (what: Made | Step, wire: Wire, ...targets: readonly string[]) => Promise<Entry>;
  /** The same, and asks again while nobody answers: for what goes on over a fault, step by step. */
  readonly insist: (what: Made | Step, wire: Wire, ...targets: readonly string[]) => Promise<Entry>;
  /** Sends what was never answered again, with its key, until it is. */
  readonly retry: () => Promise<void>;
  /** Sends acknowledged requests of a round again. @shape what was not answered as the first time */
  readonly replay: (round: number) => Promise<{ readonly sent: number; readonly faults: readonly string[] }>;
};

const RETRIES = 40;
const RETRY_MS = 250;

/** An empty book; `round` says in which round an entry is made. */
export function openClientBook(send: Sender, round: () => number): ClientBook {
  const entries: Entry[] = [];
  const ask: ClientBook['ask'] = async (what, wire, ...targets) => {
    const entry: Entry = {
      round: round(),
      what,
      wire,
      targets,
      state: 'unanswered',
      attempts: 0,
      status: 0,
      text: '',
      id: null,
      others: [],
    };
    entries.push(entry);
    await attempt(send, entry);
    return entry;
  };
  return {
    entries,
    ask,
    insist: async (what, wire, ...targets) => {
      const entry = await ask(what, wire, ...targets);
      await untilAnswered(send, entry);
      return entry;
    },
    retry: async () => {
      const open = entries.filter((entry) => entry.state === 'unanswered');
      await Promise.all(open.map((entry) => untilAnswered(send, entry)));
    },
    replay: (which) => replay(send, entries, which),
  };
}

/** What no client was ever answered: a load that asks for nothing proves nothing. */
export function neverDone(entries: readonly Entry[]): readonly (Made | Step)[] {
  const done = new Set(entries.filter(({ state }) => state === 'acknowledged').map(({ what }) => what));
  const all = [...Object.keys(MADE), ...Object.keys(STEPS)] as (Made | Step)[];
  return all.filter((what) => !done.has(what));
}

/** An entry in words. */
export function describeEntry(entry: Entry): string {
  return `${entry.what} ${entry.id ?? entry.targets.join()} (${requestOf(entry.wire)}, round ${entry.round})`;
}

async function attempt(send: Sender, entry: Entry): Promise<void> {
  entry.attempts += 1;
  const answer = await send(entry.wire);
  entry.text = answer.text;
  entry.status = answer.status;
  if (!answer.final) {
    return;
  }
  const answered = answer.status < 300 && !answer.text.includes('"state":"kept"');
  const [id, ...others] = answered && entry.what in MADE ? madeBy(answer.text) : [];
  // What a provider reported and a person must look at was received, not carried out; a batch may be answered
  // with nothing but refusals. A step that was done in the attempt nobody answered is refused as no longer possible.
  entry.state = answered && (id !== undefined || entry.what in STEPS) ? 'acknowledged' : 'refused';
  entry.id = id ?? null;
  entry.others = others;
  if (entry.state === 'acknowledged' && entry.what in STEPS && entry.targets.length === 0) {
    entry.targets = [namedBy(answer.text)];
  }
}

/** What the answer to a request for an approval, or to a file, names. */
function namedBy(text: string): string {
  const { approval, id } = JSON.parse(text) as {
    readonly id?: string;
    readonly approval?: { readonly id: string };
  };
  return approval?.id ?? id ?? '';
}

/** The rows an answer names as made: one, with the exits of an entry, or those of a batch. */
function madeBy(text: string): readonly string[] {
  const body = JSON.parse(text) as {
    readonly id?: string;
    readonly exitIds?: readonly string[];
    readonly data?: readonly { readonly order: { readonly id: string } | null }[];
  };
  const ids = body.id === undefined ? [] : [body.id, ...(body.exitIds ?? [])];
  return [...ids, ...(body.data ?? []).flatMap(({ order }) => order?.id ?? [])];
}

async function untilAnswered(send: Sender, entry: Entry): Promise<void> {
  for (let tries = 0; entry.state === 'unanswered' && tries < RETRIES; tries += 1) {
    await Bun.sleep(RETRY_MS);
    await attempt(send, entry);
  }
}

async function replay(send: Sender, entries: readonly Entry[], round: number) {
  const keyed = entries.filter(
    (entry) => entry.round === round && entry.state === 'acknowledged' && entry.wire.key !== undefined,
  );
  const faults = await Promise.all(
    keyed.map(async (entry) => {
      const answer = await finalAnswer(send, entry.wire);
      const same = answer.final && answer.status === entry.status && isSame(entry, answer.text);
      return same ? [] : [`${describeEntry(entry)} was answered ${answer.status} ${answer.text} again`];
    }),
  );
  return { sent: keyed.length, faults: faults.flat() };
}

/** A system that has just recovered may be busy; a client asks again. */
async function finalAnswer(send: Sender, wire: Wire): Promise<SentAnswer> {
  for (let tries = 1; ; tries += 1) {
    const answer = await send(wire);
    if (answer.final || tries === RETRIES) {
      return answer;
    }
    await Bun.sleep(RETRY_MS);
  }
}

/** Orders are the ones they were, everything else is answered as it was. */
function isSame(entry: Entry, text: string): boolean {
  return MADE[entry.what as Made] === 'orders'
    ? madeBy(text).join() === [entry.id, ...entry.others].join()
    : text === entry.text;
}
