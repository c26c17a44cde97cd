/**
 * Which months of a table differ. The baseline names the parts of a table as one, since new ones come with
 * every month; who has to put something back needs to know which of them it is.
 */
import { sql } from 'drizzle-orm';
import type { Tx } from './client.ts';
import type { Difference } from './guard.ts';

type MonthState = {
  readonly kind: string;
  readonly object: string;
  readonly own: string;
  readonly state: string;
};

/** Names the months behind a difference that stands for all of a table; one that no month explains stays. */
export async function byMonth(tx: Tx, differences: readonly Difference[]): Promise<readonly Difference[]> {
  if (!differences.some(({ object }) => object.includes('/partition'))) {
    return differences;
  }
  const states = await monthStates(tx);
  return differences.flatMap((difference) => {
    const { kind, object, expected } = difference;
    const months = states.filter(
      (each) => each.kind === kind && each.object === object && each.state !== expected,
    );
    return months.length === 0
      ? [difference]
      : months.map(({ own, state }) => ({ kind, object: own, expected, found: state }));
  });
}

/** In the words of `guard_state()`, which sees no names but those of PostgreSQL without their schema. */
async function monthStates(tx: Tx): Promise<readonly MonthState[]> {
  const [before] = await tx.execute<{ path: string }>(sql`select current_setting('search_path') as path`);
  await tx.execute(sql`select set_config('search_path', 'pg_catalog, pg_temp', true)`);
  const states = await tx.execute<MonthState>(sql`
    with months as (
      select c.oid, c.relname::text as month, c.relowner, c.relrowsecurity, c.relforcerowsecurity, c.relpersistence,
        coalesce((select p.relname from pg_inherits i join pg_class p on p.oid = i.inhparent
          where i.inhrelid = c.oid), 'audit_logs') || '/partition' as name
      from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and (c.relispartition
        or c.relname in (select 'audit_archive_' || a.month from public.archived_months() a))
    ), parts (oid, kind, part, state) as (
      select m.oid, 'trigger', '.' || t.tgname, t.tgenabled::text || ' ' || t.tgfoid::regproc::text || ' ' ||
          regexp_replace(pg_get_triggerdef(t.oid), ' ON [^ ]+ ', ' ON it ')
        from pg_trigger t join months m on m.oid = t.tgrelid where not t.tgisinternal
      union all
      select m.oid, 'trigger', '.*', coalesce((
          select string_agg(t.tgname::text, ',' order by t.tgname::text) from pg_trigger t
          where t.tgrelid = m.oid and not t.tgisinternal), 'none') from months m
      union all
      select m.oid, 'row security', '', case when m.relrowsecurity then 'enabled' else 'disabled' end ||
        case when m.relforcerowsecurity then ' forced' else ' not forced' end from months m
      union all
      select m.oid, 'owner', '', m.relowner::regrole::text ||
        case m.relpersistence when 'p' then '' else ' not durable' end from months m
    )
    select p.kind, m.name || p.part as object, m.month || p.part as own, p.state
    from parts p join months m on m.oid = p.oid order by m.month, p.kind, p.part`);
  await tx.execute(sql`select set_config('search_path', ${before?.path ?? ''}, true)`);
  return states;
}
