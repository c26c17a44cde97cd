/**
 * Fills the audit log with rows of many kinds, spread over this month and those after, for what has to be shown
 * on a large log: the plans and times of searches. They lie in the order of their times, as written rows do.
 * Nobody wrote these rows, so they are never sealed or verified.
 */
import { sql } from 'drizzle-orm';
import type { Id } from '../kernel/id.ts';
import type { Database } from '../platform/db/client.ts';

/** The first of them did a third of everything, the last only what is within the oldest hundredth. */
export const PLANTED_PEOPLE = Array.from(
  { length: 1_000 },
  (_, at) => `0194f000-0000-7000-8000-${at.toString(16).padStart(12, '0')}` as Id,
);

/** An account that a fiftieth of all rows is about, and a job's run that wrote another fiftieth. */
export const PLANTED_ACCOUNT = '0194f000-0000-7000-9000-000000000000' as Id;
export const PLANTED_RUN = 'run-of-a-job';

/**
 * Plants the rows `[first, first + rows)` of `total`.
 * @effects rows of `audit_logs`, in partitions that are there: `months` counts from this month on
 */
export async function plantAuditRows(
  db: Database,
  {
    rows,
    months,
    first = 0,
    total = first + rows,
  }: { readonly rows: number; readonly months: number; readonly first?: number; readonly total?: number },
): Promise<void> {
  await db.execute(sql`
    insert into audit_logs (id, recorded_at, actor_kind, actor_id, actor_user_id, subject_user_id, event_type,
      category, severity, class, resource_type, resource_id, description, after, outcome, request_id, salt,
      personal, personal_hash, row_mac)
    select gen_random_uuid(),
      date_trunc('month', now(), 'UTC') + make_interval(secs => trunc(n::float8 / ${total} * ${months} * 2419200e3) / 1e3),
      case when machine then 'job' when n % 2 = 0 then 'apiKey' else 'customer' end::actor_kind,
      case when machine then case when n % 4900 = 0 then 'job:bench.rare' else 'engine' end
        when n % 2 = 0 then 'key-' || who else person::text end,
      case when machine then null else person end, case when n % 5 = 0 then null else person end,
      'bench.kind_' || (n % 40),
      (case when n % 997 = 0 then 'security' when n % 101 = 0 then 'compliance' when n % 3 = 0 then 'financial'
        else 'trading' end)::audit_category,
      (case when n % 4999 = 0 then 'critical' when n % 97 = 0 then 'warning' else 'info' end)::audit_severity,
      case when n % 101 = 0 then 'restricted' else 'normal' end::audit_class,
      case when n % 50 = 1 then 'account' else 'bench' end,
      case when n % 50 = 1 then ${PLANTED_ACCOUNT} else 'resource-' || (n % 20000) end, 'A planted row',
      jsonb_build_object('status', 'open', 'quantity', '1.5', 'number', n),
      (case when n % 499 = 0 then 'refused' else 'success' end)::audit_outcome,
      case when machine and n % 50 < 7 then ${PLANTED_RUN} else 'request-' || (n / 3) end,
      '\\x00'::bytea, '\\x00'::bytea, '\\x00'::bytea, '\\x00'::bytea
    from (select n, n % 7 = 0 as machine, who,
        ('0194f000-0000-7000-8000-' || lpad(to_hex(who), 12, '0'))::uuid as person
      from (select n, case when n % 3 = 0 then 0 when n < ${total} * 0.01 then 999 else (n * 7919) % 999 end as who
        from generate_series(${first}::bigint, ${first + rows - 1}::bigint) n) s) t`);
}
