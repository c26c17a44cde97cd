/**
 * Reads the log for an export, a few thousand leaves at a time, on a connection of its own, and hands each slice over
 * whole. PostgreSQL sends its values as they are (log-tuples.ts). Each slice may be a statement of its own, since what
 * lies under a checkpoint does not change. It touches nothing but what it is given.
 */
import postgres from 'postgres';
import { AssertionError, assert } from '../../kernel/assert.ts';
import type { Connection } from '../db/client.ts';
import { clientOptions } from '../db/client-options.ts';
import { type ByteSink, makeRoom } from './byte-sink.ts';
import { COLUMN, COLUMNS } from './export-row.ts';
import {
  type Answered,
  type Asked,
  partsOfRoom,
  type Room,
  type RowChoice,
  SLICE_LEAVES,
} from './log-reading.ts';
import { firstColumn, firstTuple, readTuple } from './log-tuples.ts';
import type { LeafRange } from './merkle.ts';

declare const self: Worker;

/** The times of so many slices are asked for at once. */
const SLICES_AHEAD = 16;
/** One that is being written, one that waits for it, and one that is read. */
const ROOMS = 3;
const FIRST_BYTES = 1024 * 1024;

const free: Room[] = [];
let wanting: ((room: Room) => void) | undefined;
let client: postgres.Sql | undefined;

self.onmessage = ({ data }: MessageEvent<Asked>) => {
  if (data.kind === 'room') {
    giveBack(data.room);
  } else if (data.kind === 'read') {
    client = connect(data.connection);
    void readAll(client, data.range, data.choice);
  } else {
    void end();
  }
};

async function end(): Promise<void> {
  await client?.end({ timeout: 5 }).catch(() => {});
  process.exit(0);
}

async function readAll(sql: postgres.Sql, range: LeafRange, choice: RowChoice): Promise<void> {
  try {
    for (let made = 0; made < ROOMS; made += 1) {
      free.push(newRoom());
    }
    for await (const span of spansOf(sql, range.begin, range.end)) {
      const room = await readSlice(sql, span, choice, await freeRoom());
      say({ kind: 'slice', range: { begin: span.begin, end: span.end }, room }, partsOfRoom(room));
    }
    say({ kind: 'done' });
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    say({
      kind: 'failed',
      isAssertion: error instanceof AssertionError,
      code: typeof code === 'string' ? code : '',
    });
  }
}

function say(answer: Answered, handedOver: ArrayBuffer[] = []): void {
  self.postMessage(answer, handedOver);
}

function newRoom(): Room {
  const places = () => new Int32Array(SLICE_LEAVES * COLUMNS);
  return { bytes: new ArrayBuffer(FIRST_BYTES), begins: places(), lengths: places() };
}

function giveBack(room: Room): void {
  if (wanting === undefined) {
    free.push(room);
  } else {
    wanting(room);
    wanting = undefined;
  }
}

function freeRoom(): Room | Promise<Room> {
  return (
    free.pop() ??
    new Promise((resolve) => {
      wanting = resolve;
    })
  );
}

function connect(connection: Connection): postgres.Sql {
  const options = clientOptions(connection, 1);
  return postgres({
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
}

/** The leaves of a slice and when their rows were recorded, which tells the months to look in. */
type Span = LeafRange & { readonly first: string; readonly last: string };

async function* spansOf(sql: postgres.Sql, begin: number, end: number): AsyncGenerator<Span, undefined> {
  for (let at = begin; at < end; at += SLICES_AHEAD * SLICE_LEAVES) {
    const until = Math.min(end, at + SLICES_AHEAD * SLICE_LEAVES);
    const spans = await sql.unsafe<{ number: number; first: string; last: string }[]>(
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

/** @errors AssertionError where leaves are missing */
async function readSlice(sql: postgres.Sql, span: Span, choice: RowChoice, room: Room): Promise<Room> {
  const sink = { bytes: Buffer.from(room.bytes), at: 0 };
  await copyInto(sql, sliceQuery(span, choice), sink);
  const { begin, end } = span;
  const { begins, lengths } = room;
  const tuples = { bytes: sink.bytes.subarray(0, sink.at), begins, lengths, columns: COLUMNS };
  begins.fill(0);
  let at = firstTuple(tuples.bytes);
  for (;;) {
    const sequence = firstColumn(tuples.bytes, at);
    if (sequence === undefined) {
      break;
    }
    assert(begin <= sequence && sequence < end, 'a slice has its own leaves only');
    at = readTuple(tuples, sequence - begin, at);
  }
  for (let row = 0; row < end - begin; row += 1) {
    assert(begins[row * COLUMNS + COLUMN.leafIndex] !== 0, 'the leaves of the log have no gap');
  }
  return { bytes: sink.bytes.buffer as ArrayBuffer, begins, lengths };
}

/** Takes what a copy sends as fast as it comes. @errors those of the statement and the connection */
async function copyInto(sql: postgres.Sql, text: string, sink: ByteSink): Promise<void> {
  sink.at = 0;
  const stream = await sql.unsafe(text).readable();
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
    // A connection that is lost may close the stream before it says why.
    stream.once('close', () =>
      reject(Object.assign(new Error('the copy was cut off'), { code: 'CONNECTION_CLOSED' })),
    );
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
