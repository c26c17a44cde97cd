import { type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../../platform/db/client.ts';
import type { Check, CheckResult } from '../../platform/domain.ts';

/** What reconcile holds AML to. */
export const amlChecks: readonly Check[] = [
  {
    name: 'aml.clear_gates_have_evidence',
    invariant: 'I8',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from customer_gates`,
        sql`
        select 'user ' || g.user_id as object, case
            when s.result is null then 'is clear without a screening'
            when s.result = 'error' then 'is clear although the newest screening failed'
            else 'is clear although what was handed in since was not screened' end as detail
          from customer_gates g left join lateral (
            select result, checked_at from screenings where user_id = g.user_id
            order by checked_at desc, id desc limit 1
          ) s on true
          where g.screening = 'clear' and (s.result is null or s.result = 'error' or exists (
            select 1 from kyc_applications k where k.user_id = g.user_id and k.submitted_at > s.checked_at))
        union all
        select 'user ' || g.user_id, 'is clear while an alert is open' from customer_gates g
          where g.screening = 'clear'
            and exists (select 1 from aml_alerts a where a.user_id = g.user_id and a.status <> 'resolved')
        union all
        select 'user ' || a.user_id, 'is a true match and not confirmed' from aml_alerts a
          join customer_gates g on g.user_id = a.user_id
          where a.disposition = 'true_match' and g.screening <> 'confirmed'`,
      ),
  },
  {
    name: 'aml.cleared_alerts_name_two_people',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from aml_alerts`,
        sql`
        select 'alert ' || a.id as object, 'was cleared without a second person' as detail from aml_alerts a
          where a.disposition = 'false_positive' and not exists (
            select 1 from approvals p where p.action = 'aml_alert.clear' and p.subject_id = a.id
              and p.status = 'executed' and p.maker_id = a.resolved_by)`,
      ),
  },
  {
    name: 'aml.active_versions_are_whole',
    invariant: 'I4',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from screening_lists`,
        sql`
        select 'list ' || l.id as object, 'its active version is ' || coalesce(v.status::text, 'not its own')
            || ' and holds ' || held.entities || ' of ' || coalesce(v.entity_count, 0) || ' entries' as detail
          from screening_lists l
          left join list_versions v on v.id = l.active_version_id and v.list_id = l.id
          cross join lateral (
            select count(*)::int as entities from list_version_entities e where e.version_id = l.active_version_id
          ) held
          where l.active_version_id is not null
            and (v.status is distinct from 'active' or v.entity_count <> held.entities)`,
      ),
  },
];

async function look(tx: Tx, count: SQL, breaks: SQL): Promise<CheckResult> {
  const [counted] = await tx.execute<{ seen: number }>(count);
  const rows = await tx.execute<{ object: string; detail: string }>(breaks);
  return { seen: counted?.seen ?? 0, breaks: rows.map(({ object, detail }) => ({ object, detail })) };
}
