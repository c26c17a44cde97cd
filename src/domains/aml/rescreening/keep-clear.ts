import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, insertionOf } from '../../../platform/db/insert-rows.ts';
import { rescreeningResults } from './schema.ts';

/** What a look at one person found, and what it was read from. */
export type Look = {
  readonly userId: Id;
  /** The version of their standing that was read; null where they had none. */
  readonly version: number | null;
  readonly outcome: 'clear' | 'hit' | 'erased';
  readonly isDelta: boolean;
  readonly entities: number;
  readonly nextDueAt: Instant;
  readonly subjectDigest: Uint8Array | null;
};

type Held = {
  readonly runId: Id;
  readonly listSet: string;
  readonly configHash: string;
  /** When what was compared was read. */
  readonly at: Instant;
};

/**
 * Moves up those nothing was found on, unless somebody else looked at them since they were read.
 * @effects `screening_standings`, `rescreening_results`
 * @shape those who moved up
 */
export async function keepClear(tx: Tx, looks: readonly Look[], held: Held): Promise<ReadonlySet<Id>> {
  const known = looks.filter(({ version }) => version !== null);
  const fresh = looks.filter(({ version }) => version === null);
  const moved = new Set([...(await moveUp(tx, known, held)), ...(await moveIn(tx, fresh, held))]);
  const kept = looks
    .filter(({ userId }) => moved.has(userId))
    .map(({ userId, outcome, isDelta, entities, subjectDigest }) => ({
      userId,
      outcome,
      isDelta,
      entities,
      subjectDigest,
    }));
  if (kept.length > 0) {
    const shared = { runId: held.runId, listSet: held.listSet, at: held.at };
    // Twice in one run is possible where the configuration changes under way: the first row says it.
    await tx.execute(sql`${insertionOf(rescreeningResults, kept, shared)} on conflict do nothing`);
  }
  return moved;
}

async function moveUp(tx: Tx, looks: readonly Look[], held: Held): Promise<readonly Id[]> {
  if (looks.length === 0) {
    return [];
  }
  const rows = await tx.execute<{ user_id: Id }>(sql`
    update screening_standings s
    set list_set = ${held.listSet}, config_hash = ${held.configHash}, checked_at = ${held.at}::timestamptz,
      next_due_at = case when read.is_delta then s.next_due_at else read.next_due_at end,
      version = s.version + 1
    from unnest(${column(looks, ({ userId }) => userId)}::uuid[],
      ${column(looks, ({ version }) => String(version))}::int[],
      ${column(looks, ({ isDelta }) => String(isDelta))}::boolean[],
      ${column(looks, ({ nextDueAt }) => nextDueAt)}::timestamptz[])
      as read (user_id, version, is_delta, next_due_at)
    where s.user_id = read.user_id and s.version = read.version
    returning s.user_id`);
  return rows.map((row) => row.user_id);
}

async function moveIn(tx: Tx, looks: readonly Look[], held: Held): Promise<readonly Id[]> {
  if (looks.length === 0) {
    return [];
  }
  const rows = await tx.execute<{ user_id: Id }>(sql`
    insert into screening_standings (user_id, list_set, config_hash, checked_at, next_due_at)
    select read.user_id, ${held.listSet}, ${held.configHash}, ${held.at}::timestamptz, read.next_due_at
    from unnest(${column(looks, ({ userId }) => userId)}::uuid[],
      ${column(looks, ({ nextDueAt }) => nextDueAt)}::timestamptz[]) as read (user_id, next_due_at)
    on conflict do nothing
    returning user_id`);
  return rows.map((row) => row.user_id);
}

function column(looks: readonly Look[], pick: (look: Look) => string) {
  return sql.param(arrayLiteral(looks.map(pick)));
}
