/**
 * Fills the audit log with rows of many kinds, spread over this month and the next, for what has to be shown on
 * a large log: the plans and times of searches. Nobody wrote these rows, so they are never sealed or verified.
 */
import { sql } from 'drizzle-orm';
import type { Id } from '../kernel/id.ts';
import type { Database } from '../platform/db/client.ts';

/** The first of them did a third of everything. */
export const PLANTED_PEOPLE = Array.from(
  { length: 1_000 },
  (_, at) => `0194f000-0000-7000-8000-${at.toString(16).padStart(12, '0')}` as Id,
);

/** @effects rows of `audit_logs`, in partitions that are there: `months` counts from this month on */
export async function plantAuditRows(
  db: Database,
  { rows, months, first = 0 }: { readonly rows: number; readonly months: number; readonly first?: number },
): Promise<void> {
  await db.execute(sql`
    insert into audit_logs (id, recorded_at, actor_kind, actor_id, actor_user_id, subject_user_id, event_type,
      category, severity, class, resource_type, resource_id, description, after, outcome, request_id, salt,
      personal, personal_hash, row_mac)
    select gen_random_uuid(),
      date_trunc('month', now()) + make_interval(secs => ((n * 2654435761) % (${months}::bigint * 2419200))::float8),
      case when machine then 'job' when n % 2 = 0 then 'apiKey' else 'customer' end::actor_kind,
      case when machine then case when n % 5000 = 0 then 'job:bench.rare' else 'engine' end
        when n % 2 = 0 then 'key-' || who else person::text end,
      case when machine then null else person end, person,
      'bench.kind_' || (n % 40),
      (case when n % 997 = 0 then 'security' when n % 101 = 0 then 'compliance' when n % 3 = 0 then 'financial'
        else 'trading' end)::audit_category,
      (case when n % 4999 = 0 then 'critical' when n % 97 = 0 then 'warning' else 'info' end)::audit_severity,
      case when n % 101 = 0 then 'restricted' else 'normal' end::audit_class,
      'bench', 'resource-' || (n % 20000), 'A planted row',
      jsonb_build_object('status', 'open', 'quantity', '1.5', 'number', n), 'success', 'request-' || (n / 3),
      '\\x00'::bytea, '\\x00'::bytea, '\\x00'::bytea, '\\x00'::bytea
    from (select n, n % 7 = 0 as machine, who,
        ('0194f000-0000-7000-8000-' || lpad(to_hex(who), 12, '0'))::uuid as person
      from (select n, case when n % 3 = 0 then 0 else (n * 7919) % 1000 end as who
        from generate_series(${first}::bigint, ${first + rows - 1}::bigint) n) s) t`);
}
