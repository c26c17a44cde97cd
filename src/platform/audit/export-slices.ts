/**
 * Reads the log for exports, a few thousand leaves at a time, on a connection of its own. PostgreSQL makes the
 * text of a row's public part, all but before and after, whose members it stores in another order than
 * canonical JSON. What lies under a checkpoint does not change, so each slice may be a statement of its own.
 */
import postgres from 'postgres';
import { assert } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Instant } from '../../kernel/time.ts';
import { type Connection, clientOptions } from '../db/client.ts';
import { rowLeafHash } from './leaf.ts';
import { type Hash, sha256 } from './merkle.ts';
import { TILE_WIDTH } from './tiles.ts';

/** Whole blocks, so that each is read once. @units leaves */
const SLICE_LEAVES = 16 * TILE_WIDTH;

export type RowText = {
  readonly id: string;
  readonly recordedAt: Instant;
  readonly actorUserId: string | null;
  /** The public part in canonical JSON. */
  readonly publicText: string;
  /** @units base64 */
  readonly publicSalt: string;
  readonly personal: Uint8Array;
  readonly personalHash: Uint8Array;
};

/** A leaf with its row; null where the row is gone or has no form a row can have. */
export type SliceRow = {
  readonly sequence: number;
  readonly leafHash: Hash;
  readonly row: RowText | null;
  /** The row is in the file of a month that two people had archived. */
  readonly archived: boolean;
  /** Whether the row is one of those asked for. */
  readonly chosen: boolean;
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
  readonly slices: (
    range: { readonly begin: number; readonly end: number },
    size: number,
    choice: RowChoice,
  ) => AsyncGenerator<readonly SliceRow[]>;
  readonly close: () => Promise<void>;
};

/** Opens a reader; the connection is the engine's, which sees every row. */
export function openLogReader(connection: Connection): LogReader {
  const options = clientOptions(connection, 1);
  const client = postgres({
    ...options,
    prepare: false,
    // A slice is joined as a whole: a look-up a row would cost more than all else.
    connection: { ...options.connection, enable_nestloop: false, work_mem: '64MB', jit: false },
  });
  return {
    slices: (range, size, choice) => slicesOf(client, range, size, choice),
    close: () => client.end({ timeout: 5 }),
  };
}

/** Whether a row is what its leaf commits to. */
export function isAsCommitted({ row, leafHash }: SliceRow): boolean {
  if (row === null) {
    return false;
  }
  const salt = Buffer.from(row.publicSalt, 'base64');
  const publicHash = sha256(Buffer.concat([salt, Buffer.from(row.publicText, 'utf8')]));
  return (
    row.personalHash.length === publicHash.length &&
    Buffer.from(rowLeafHash({ publicHash, personalHash: row.personalHash })).equals(leafHash)
  );
}

/** The next slice is on its way while the last is written. */
async function* slicesOf(
  client: postgres.Sql,
  range: { readonly begin: number; readonly end: number },
  size: number,
  choice: RowChoice,
): AsyncGenerator<readonly SliceRow[]> {
  const first = range.begin - (range.begin % TILE_WIDTH);
  const last = Math.min(size, Math.ceil(range.end / TILE_WIDTH) * TILE_WIDTH);
  const ask = (begin: number) =>
    begin < last ? readSlice(client, begin, Math.min(begin + SLICE_LEAVES, last), choice) : undefined;
  let next = ask(first);
  for (let begin = first; next !== undefined; ) {
    const rows = await next;
    begin += SLICE_LEAVES;
    next = ask(begin);
    // Its fault is thrown where it is awaited; a reader who stops before leaves none unheard.
    next?.catch(() => {});
    yield rows;
  }
}

type Values = readonly [
  sequence: string,
  leafHash: Buffer,
  chosen: boolean | null,
  id: string | null,
  recordedAt: string,
  actorUserId: string | null,
  head: string,
  after: string | null,
  before: string | null,
  tail: string,
  salt: string,
  personal: Buffer,
  personalHash: Buffer,
  archived: boolean,
];

async function readSlice(
  client: postgres.Sql,
  begin: number,
  end: number,
  choice: RowChoice,
): Promise<readonly SliceRow[]> {
  const { rule, values } = ruleOf(choice, 5);
  const [ends] = await client.unsafe<{ first: string; last: string }[]>(
    'select min(recorded_at)::text as first, max(recorded_at)::text as last from audit_leaves where leaf_index >= $1 and leaf_index < $2',
    [begin, end],
  );
  assert(ends !== undefined && ends.first !== null, 'a tree has the leaves of its size');
  const found = await client
    .unsafe(sliceQuery(rule), [begin, end, ends.first, ends.last, ...values])
    .values();
  assert(found.length === end - begin, 'the leaves of the log have no gap');
  const rows = Array.from<SliceRow>({ length: found.length });
  for (const row of found) {
    const read = rowOf(row as unknown as Values);
    rows[read.sequence - begin] = read;
  }
  return rows;
}

function rowOf(values: Values): SliceRow {
  const [sequence, leafHash, chosen, id] = values;
  const row = id === null ? null : textOf(id, values);
  const archived = values[13];
  return { sequence: Number.parseInt(sequence, 10), leafHash, row, archived, chosen: chosen === true };
}

function textOf(id: string, values: Values): RowText | null {
  const [, , , , recordedAt, actorUserId, head, after, before, tail, publicSalt, personal, personalHash] =
    values;
  try {
    const publicText = `${head}${canonical(after)},"before":${canonical(before)}${tail}`;
    return {
      id,
      recordedAt: recordedAt as Instant,
      actorUserId,
      publicText,
      publicSalt,
      personal,
      personalHash,
    };
  } catch (error) {
    if (error instanceof TypeError) {
      return null;
    }
    throw error;
  }
}

function canonical(text: string | null): string {
  return text === null ? 'null' : canonicalJson(JSON.parse(text) as Json);
}

/** In the order of canonical JSON, as `publicPart` has it. */
function sliceQuery(rule: string): string {
  const recordedAt = `to_char(a.recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
  return `select l.leaf_index, l.leaf_hash, ${rule}, a.id, ${recordedAt}, a.actor_user_id,
    concat('{"actorId":', to_json(a.actor_id), ',"actorKind":"', a.actor_kind, '","actorUserId":',
      coalesce(to_json(a.actor_user_id)::text, 'null'), ',"after":'),
    a.after::text, a.before::text,
    concat(',"category":"', a.category, '","class":"', a.class, '","description":', to_json(a.description),
      ',"eventType":', to_json(a.event_type), ',"id":"', a.id, '","outcome":"', a.outcome,
      '","recordedAt":"', ${recordedAt}, '","requestId":', to_json(a.request_id),
      ',"resourceId":', to_json(a.resource_id), ',"resourceType":', to_json(a.resource_type),
      ',"severity":"', a.severity, '","subjectUserId":',
      coalesce(to_json(a.subject_user_id)::text, 'null'), '}'),
    encode(a.salt, 'base64'), a.personal, a.personal_hash,
    a.id is null and to_char(l.recorded_at at time zone 'UTC', 'YYYY_MM') in (select month from archived_months())
  from audit_leaves l left join audit_logs a on a.recorded_at = l.recorded_at and a.id = l.log_id
    and a.recorded_at >= $3::timestamptz and a.recorded_at <= $4::timestamptz
  where l.leaf_index >= $1 and l.leaf_index < $2`;
}

const COLUMNS = {
  actorId: 'a.actor_id',
  category: 'a.category::text',
  severity: 'a.severity::text',
  class: 'a.class::text',
  outcome: 'a.outcome::text',
  eventType: 'a.event_type',
  resourceType: 'a.resource_type',
  resourceId: 'a.resource_id',
} as const;

/** The condition of a choice; `first` is the number of its first parameter. */
function ruleOf(choice: RowChoice, first: number): { readonly rule: string; readonly values: string[] } {
  const values: string[] = [];
  const place = (value: string): string => `$${first + values.push(value) - 1}`;
  const parts = [
    `a.recorded_at >= ${place(choice.from)}::timestamptz`,
    `a.recorded_at < ${place(choice.to)}::timestamptz`,
  ];
  for (const name of Object.keys(COLUMNS) as (keyof typeof COLUMNS)[]) {
    const value = choice[name];
    if (value !== undefined) {
      parts.push(`${COLUMNS[name]} = ${place(value)}`);
    }
  }
  if (choice.userId !== undefined) {
    const user = `${place(choice.userId)}::uuid`;
    parts.push(
      `(a.actor_user_id is not distinct from ${user} or a.subject_user_id is not distinct from ${user})`,
    );
  }
  return { rule: parts.join(' and '), values };
}
