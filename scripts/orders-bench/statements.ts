import { type Connection, openClient } from '../../src/platform/db/client.ts';

const SHOWN = 40;

/** What statements took since the last call, most first, as lines; counting begins anew. @units orders for the shares */
export async function statementTable(owner: Connection, orders = 1): Promise<string> {
  const client = openClient({ ...owner, username: 'postgres' }, 1);
  try {
    await client.unsafe('create extension if not exists pg_stat_statements');
    const rows = await client<{ calls: number; ms: number; rows: number; query: string; who: string }[]>`
      select s.calls::int as calls, s.total_exec_time::float8 + s.total_plan_time::float8 as ms, s.rows::int as rows,
        r.rolname as who, left(regexp_replace(s.query, '\\s+', ' ', 'g'), 150) as query
      from pg_stat_statements s join pg_roles r on r.oid = s.userid
      order by total_exec_time + total_plan_time desc limit ${SHOWN}`;
    await client.unsafe('select pg_stat_statements_reset()');
    return rows
      .map(({ calls, ms, rows: seen, who, query }) => {
        const share = `${((ms * 1_000) / orders).toFixed(1)} µs`;
        return `${share.padStart(10)} ${String(calls).padStart(7)} calls ${String(seen).padStart(8)} rows  ${who}  ${query}\n`;
      })
      .join('');
  } finally {
    await client.end({ timeout: 5 });
  }
}
