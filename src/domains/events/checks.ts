import { sql } from 'drizzle-orm';
import type { Tx } from '../../platform/db/client.ts';
import type { Check, CheckResult } from '../../platform/domain.ts';

/** What reconcile holds the outbox to: a feed without gaps, so that no reader misses an event. */
export const eventChecks: readonly Check[] = [
  { name: 'events.positions_are_gap_free', invariant: 'outbox order', run: positionsAreGapFree },
  { name: 'events.consumers_stay_behind', invariant: 'outbox order', run: consumersStayBehind },
];

async function positionsAreGapFree(tx: Tx): Promise<CheckResult> {
  const [row] = await tx.execute<{
    seen: number;
    first: string | null;
    last: string | null;
    placed: number;
  }>(sql`
    select count(*)::int as seen, min(position)::text as first, max(position)::text as last,
      count(position)::int as placed
    from outbox`);
  const seen = row?.seen ?? 0;
  if (row?.first == null || row.last == null) {
    return { seen, breaks: [] };
  }
  const span = BigInt(row.last) - BigInt(row.first) + 1n;
  const detail = `${row.placed} placed events between positions ${row.first} and ${row.last}`;
  return { seen, breaks: span === BigInt(row.placed) ? [] : [{ object: 'outbox', detail }] };
}

async function consumersStayBehind(tx: Tx): Promise<CheckResult> {
  const [counted] = await tx.execute<{ seen: number }>(
    sql`select count(*)::int as seen from outbox_consumers`,
  );
  const ahead = await tx.execute<{ name: string; position: string }>(sql`
    select name, position::text as position from outbox_consumers
    where position > (select coalesce(max(position), 0) from outbox)`);
  return {
    seen: counted?.seen ?? 0,
    breaks: ahead.map(({ name, position }) => ({
      object: `consumer ${name}`,
      detail: `claims to have read up to ${position}, which does not exist`,
    })),
  };
}
