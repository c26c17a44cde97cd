/**
 * Reads the log for exports, a few thousand leaves at a time, on a connection of its own. PostgreSQL sends its
 * values as they are (log-tuples.ts). What lies under a checkpoint does not change, so each slice may be a
 * statement of its own.
 */
import postgres from 'postgres';
import { assert, present } from '../../kernel/assert.ts';
import type { Instant } from '../../kernel/time.ts';
import { type Connection, clientOptions } from '../db/client.ts';
import { type ByteSink, byteSink, makeRoom } from './byte-sink.ts';
import { COLUMN, COLUMNS, type Tuple } from './export-row.ts';
import { firstColumn, firstTuple, readTuple, type Tuples, tuplesOf } from './log-tuples.ts';
import type { LeafRange } from './merkle.ts';
import { TILE_WIDTH } from './tiles.ts';

/** Whole blocks, so that each is read once. @units leaves */
const SLICE_LEAVES = 16 * TILE_WIDTH;
/** The times of so many slices are asked for at once. */
const SLICES_AHEAD = 16;
/** One that is being written, and those behind it that are on their way. */
const SLICES_READ = 3;
const FIRST_BYTES = 1024 * 1024;

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

/** Which rows are asked for; a member left out asks for all. */
export type RowChoice = {
  readonly from: Instant;
  readonly to: Instant;
  readonly userId?: string | undefined;
  readonly actorId?: string | undefined;
  readonly category?: string | undefined;
  readonly severity?: string | undefined;
  readonly class?: string | undefined;
  readonly outcome?: string | undefined;
  readonly eventType?: string | undefined;
  readonly resourceType?: string | undefined;
  readonly resourceId?: string | undefined;
};

export type LogReader = {
  /**
   * Whole blocks of leaves that hold `[begin, end)`, of a tree of `size` leaves, in order.
   * @errors AssertionError where leaves are missing
   */
  readonly slices: (range: LeafRange, size: number, choice: RowChoice) => AsyncGenerator<LogSlice>;
  readonly close: () => Promise<void>;
};

/** Opens a reader; the connection is the engine's, which sees every row. */
export function openLogReader(connection: Connection): LogReader {
  const options = clientOptions(connection, 1);
  const client = postgres({
    ...options,
    prepare: false,
    // A slice is joined as a whole: a look-up a row would cost more than all else.
    connection: {
      ...options.connection,
      enable_nestloop: false,
      work_mem: '64MB',
      jit: false,
      standard_conforming_strings: true,
    },
  });
  return {
    slices: (range, size, choice) => slicesOf(client, range, size, choice),
    close: () => client.end({ timeout: 5 }),
  };
}

/** What a slice is read into. */
type Room = { readonly sink: ByteSink; readonly tuples: Tuples };

/** The next slices are on their way while one is written, each into bytes of its own. */
async function* slicesOf(
  client: postgres.Sql,
  range: LeafRange,
  size: number,
  choice: RowChoice,
): AsyncGenerator<LogSlice> {
  const first = range.begin - (range.begin % TILE_WIDTH);
  const until = Math.min(size, Math.ceil(range.end / TILE_WIDTH) * TILE_WIDTH);
  const spans = spansOf(client, first, until);
  const rooms = Array.from({ length: SLICES_READ }, (): Room => {
    return { sink: byteSink(FIRST_BYTES), tuples: tuplesOf(SLICE_LEAVES, COLUMNS) };
  });
  const asked: Promise<LogSlice | undefined>[] = [];
  let last: Promise<unknown> = Promise.resolve();
  const ask = (turn: number): void => {
    const room = present(rooms[turn % SLICES_READ], 'there is room');
    // The driver takes no statement while a copy is under way.
    const slice = last.then(() => readNext(client, spans, choice, room));
    last = slice;
    // Its fault is thrown where it is awaited; a reader who stops before leaves none unheard.
    slice.catch(() => {});
    asked.push(slice);
  };
  for (let turn = 0; turn < SLICES_READ - 1; turn += 1) {
    ask(turn);
  }
  for (let turn = SLICES_READ - 1; ; turn += 1) {
    const slice = await asked.shift();
    if (slice === undefined) {
      return;
    }
    ask(turn);
    yield slice;
  }
}

async function readNext(
  client: postgres.Sql,
  spans: AsyncGenerator<Span, undefined>,
  choice: RowChoice,
  room: Room,
): Promise<LogSlice | undefined> {
  const { value: span } = await spans.next();
  return span === undefined ? undefined : readSlice(client, span, choice, room);
}

/** The leaves of a slice and when their rows were recorded, which tells the months to look in. */
type Span = LeafRange & { readonly first: string; readonly last: string };

async function* spansOf(client: postgres.Sql, begin: number, end: number): AsyncGenerator<Span, undefined> {
  for (let at = begin; at < end; at += SLICES_AHEAD * SLICE_LEAVES) {
    const until = Math.min(end, at + SLICES_AHEAD * SLICE_LEAVES);
    const spans = await client.unsafe<{ number: number; first: string; last: string }[]>(
      `select ((leaf_index - $1) / $3)::int as number, min(recorded_at)::text as first, max(recorded_at)::text as last
       from audit_leaves where leaf_index >= $1 and leaf_index < $2 group by 1 order by 1`,
      [at, until, SLICE_LEAVES],
    );
    assert(spans.length === Math.ceil((until - at) / SLICE_LEAVES), 'a tree has the leaves of its size');
    for (const { number, first, last } of spans) {
      const from = at + number * SLICE_LEAVES;
      yield { begin: from, end: Math.min(from + SLICE_LEAVES, end), first, last };
    }
  }
  return undefined;
}

async function readSlice(
  client: postgres.Sql,
  span: Span,
  choice: RowChoice,
  { sink, tuples }: Room,
): Promise<LogSlice> {
  await copyInto(client, sliceQuery(span, choice), sink);
  const { begin, end } = span;
  const bytes = sink.bytes.subarray(0, sink.at);
  tuples.bytes = bytes;
  tuples.begins.fill(0);
  let at = firstTuple(bytes);
  for (;;) {
    const sequence = firstColumn(bytes, at);
    if (sequence === undefined) {
      break;
    }
    assert(begin <= sequence && sequence < end, 'a slice has its own leaves only');
    at = readTuple(tuples, sequence - begin, at);
  }
  const tuple = { tuples, base: 0 };
  const leaf = (sequence: number): Tuple => {
    tuple.base = (sequence - begin) * COLUMNS;
    return tuple;
  };
  for (let sequence = begin; sequence < end; sequence += 1) {
    assert(tuples.begins[leaf(sequence).base + COLUMN.leafIndex] !== 0, 'the leaves of the log have no gap');
  }
  return { begin, end, leaf };
}

/** Takes what a copy sends as fast as it comes. @errors those of the statement and the connection */
async function copyInto(client: postgres.Sql, text: string, sink: ByteSink): Promise<void> {
  sink.at = 0;
  const stream = await client.unsafe(text).readable();
  const keep = (bytes: Buffer): void => {
    makeRoom(sink, bytes.length);
    bytes.copy(sink.bytes, sink.at);
    sink.at += bytes.length;
  };
  await new Promise<void>((resolve, reject) => {
    // The driver hands each row to the stream, whose own way to a reader costs more than all else about a row.
    stream.push = (row: Buffer | null) => {
      if (row === null) {
        resolve();
      } else {
        keep(row);
      }
      return true;
    };
    stream.once('end', resolve);
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the copy was cut off')));
    // What came with the answer is there already, perhaps all of it.
    for (let row: Buffer | null = stream.read(); row !== null; row = stream.read()) {
      keep(row);
    }
  });
}

/** A copy takes no parameters. In the order of `COLUMN`. */
function sliceQuery({ begin, end, first, last }: Span, choice: RowChoice): string {
  return `copy (select l.leaf_index, l.leaf_hash, ${ruleOf(choice)},
    a.id is null and to_char(l.recorded_at at time zone 'UTC', 'YYYY_MM') in (select month from archived_months()),
    a.id, a.recorded_at, a.actor_id, a.actor_kind, a.actor_user_id, a.after, a.before, a.category, a.class,
    a.description, a.event_type, a.outcome, a.request_id, a.resource_id, a.resource_type, a.severity,
    a.subject_user_id, a.salt, a.personal, a.personal_hash
  from audit_leaves l left join audit_logs a on a.recorded_at = l.recorded_at and a.id = l.log_id
    and a.recorded_at >= ${quoted(first)}::timestamptz and a.recorded_at <= ${quoted(last)}::timestamptz
  where l.leaf_index >= ${begin} and l.leaf_index < ${end}) to stdout (format binary)`;
}

const CHOOSABLE = {
  actorId: 'a.actor_id',
  category: 'a.category::text',
  severity: 'a.severity::text',
  class: 'a.class::text',
  outcome: 'a.outcome::text',
  eventType: 'a.event_type',
  resourceType: 'a.resource_type',
  resourceId: 'a.resource_id',
} as const;

/** The condition of a choice. */
function ruleOf(choice: RowChoice): string {
  const parts = [
    `a.recorded_at >= ${quoted(choice.from)}::timestamptz`,
    `a.recorded_at < ${quoted(choice.to)}::timestamptz`,
  ];
  for (const name of Object.keys(CHOOSABLE) as (keyof typeof CHOOSABLE)[]) {
    const value = choice[name];
    if (value !== undefined) {
      parts.push(`${CHOOSABLE[name]} = ${quoted(value)}`);
    }
  }
  if (choice.userId !== undefined) {
    const user = `${quoted(choice.userId)}::uuid`;
    parts.push(
      `(a.actor_user_id is not distinct from ${user} or a.subject_user_id is not distinct from ${user})`,
    );
  }
  return parts.join(' and ');
}

/** A text as a literal; with standard strings, which this connection sets, nothing else ends it. */
function quoted(text: string): string {
  assert(!text.includes('\0'), 'a text that is stored has no NUL');
  return `'${text.replaceAll("'", "''")}'`;
}
