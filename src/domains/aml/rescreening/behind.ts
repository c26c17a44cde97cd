import { type SQL, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral } from '../../../platform/db/insert-rows.ts';
import type { ActiveLists } from '../screener.ts';
import { heldBy, listSetHash } from '../screening/standings.ts';

/** Somebody who has to be looked at, with what they were last held against; null for nothing yet. */
export type Behind = {
  readonly userId: Id;
  readonly listSet: string | null;
  readonly configHash: string | null;
  readonly version: number | null;
  /** Their own time has come: everything is compared, whatever changed on the lists. */
  readonly isDue: boolean;
};

/** What everybody is to be held against. */
export type Target = Pick<ActiveLists, 'versions' | 'configHash'> & {
  readonly now: Instant;
  /** Whoever was not looked at since then is behind too; null for nobody by that alone. */
  readonly since: Instant | null;
};

const NOBODY = '00000000-0000-0000-0000-000000000000';

type Row = {
  readonly user_id: Id;
  readonly list_set: string | null;
  readonly config_hash: string | null;
  readonly version: number | null;
  readonly is_due: boolean;
};

/** People who are behind, in the order of their ids. */
export async function behindAfter(
  tx: Tx,
  target: Target,
  after: Id | null,
  limit: number,
): Promise<readonly Behind[]> {
  const rows = await tx.execute<Row>(sql`
    select g.user_id, s.list_set, s.config_hash, s.version, ${isDue(target)} as is_due
    from customer_gates g left join screening_standings s on s.user_id = g.user_id
    where g.user_id > ${after ?? NOBODY}::uuid and ${isBehind(target)}
    order by g.user_id limit ${limit}`);
  return rows.map((row) => ({
    userId: row.user_id,
    listSet: row.list_set,
    configHash: row.config_hash,
    version: row.version,
    isDue: row.is_due,
  }));
}

/** How many people are behind. */
export async function countBehind(tx: Tx, target: Target): Promise<number> {
  const [row] = await tx.execute<{ people: number }>(sql`
    select count(*)::int as people
    from customer_gates g left join screening_standings s on s.user_id = g.user_id
    where ${isBehind(target)}`);
  return row?.people ?? 0;
}

/** Those of some people who are behind. */
export async function behindAmong(tx: Tx, target: Target, userIds: readonly Id[]): Promise<readonly Id[]> {
  const rows = await tx.execute<{ user_id: Id }>(sql`
    select g.user_id
    from customer_gates g left join screening_standings s on s.user_id = g.user_id
    where g.user_id = any (${sql.param(arrayLiteral(userIds))}::uuid[]) and ${isBehind(target)}
    order by g.user_id`);
  return rows.map((row) => row.user_id);
}

function isDue({ now, since }: Target): SQL {
  return sql`s.user_id is null or s.next_due_at <= ${now}::timestamptz
    or coalesce(s.checked_at < ${since}::timestamptz, false)`;
}

/**
 * Behind is whoever was held against other list versions or another configuration than those that are active, or by a
 * program that compared otherwise, or is due by themselves. Somebody who never handed anything in has nothing to be behind with: their first
 * screening is that of their application.
 */
function isBehind(target: Target): SQL {
  return sql`case when s.user_id is null then g.screening <> 'none'
    else s.list_set <> ${listSetHash(target.versions)} or s.config_hash <> ${heldBy(target.configHash)}
      or s.next_due_at <= ${target.now}::timestamptz
      or coalesce(s.checked_at < ${target.since}::timestamptz, false) end`;
}
