import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

/** What reconcile holds monitoring to. */
export const monitoringChecks: readonly Check[] = [
  {
    name: 'aml.money_is_watched',
    invariant: 'I5',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from deposits) + (select count(*) from withdrawals))::int as seen`,
        sql`
        select moved.object, 'was not held against the monitoring rules' as detail from (
          select 'deposit ' || d.id as object, d.id::text as source_id, 'funding.deposits' as source, d.cleared_at as at
            from deposits d where d.cleared_at is not null
          union all
          select 'withdrawal ' || w.id, w.id::text, 'funding.withdrawals', w.created_at from withdrawals w) moved
        join activity_cursors c on c.source = moved.source and moved.at >= c.began_at
        where not exists (select from monitored_activity m
          where m.source = moved.source and m.source_id = moved.source_id)`,
      ),
  },
  {
    // In place of foreign keys (docs/adr/0025-orders-without-foreign-keys.md).
    name: 'aml.watched_people_exist',
    invariant: 'I5',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from monitored_activity`,
        sql`
        select 'activity ' || m.id as object, 'names a person who is not there' as detail from monitored_activity m
          left join users u on u.id = m.user_id left join users l on l.id = m.linked_user_id
          where u.id is null or (m.linked_user_id is not null and l.id is null)`,
      ),
  },
  {
    name: 'aml.rules_in_force_name_two_people',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from monitoring_rules`,
        sql`
        select 'monitoring rule ' || r.key as object, 'is in force without another person having agreed' as detail
          from monitoring_rules r left join approvals p on p.id = r.approval_id
          where r.status <> 'draft' and r.origin = 'staff' and (p.status is distinct from 'executed'
            or p.subject_id is distinct from r.id or p.action <> 'monitoring_rule.activate')`,
      ),
  },
  {
    name: 'aml.snoozes_name_two_people',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from rule_snoozes`,
        sql`
        select 'rule snooze ' || s.id as object, 'stands without another person having agreed' as detail
          from rule_snoozes s left join approvals p on p.id = s.approval_id
          where p.status is distinct from 'executed' or p.subject_id is distinct from s.user_id
            or p.action <> 'monitoring_rule.snooze'`,
      ),
  },
];
