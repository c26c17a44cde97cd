import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

const countAlerts = sql`select count(*)::int as seen from aml_alerts`;

/** What reconcile holds the work on alerts to. */
export const alertChecks: readonly Check[] = [
  {
    name: 'aml.cleared_alerts_name_two_people',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        countAlerts,
        sql`
        select 'alert ' || a.id as object, 'was cleared without a second person' as detail from aml_alerts a
          where (a.disposition = 'false_positive' and (a.effect = 'stop' or a.severity in ('high', 'critical'))
              or a.disposition = 'inconclusive' and a.dedup_key is not null)
            and not exists (
              select 1 from approvals p where p.action = 'aml_alert.clear' and p.subject_id = a.id
                and p.status = 'executed' and p.maker_id = a.resolved_by)`,
      ),
  },
  {
    name: 'aml.confirmed_customers_are_told_of',
    invariant: 'I8',
    run: (tx) =>
      look(
        tx,
        countAlerts,
        sql`
        select 'user ' || a.user_id as object, 'is a true match of which nobody has to tell the authorities' as detail
          from aml_alerts a
          where a.kind in ('sanctions', 'provider') and a.effect = 'stop' and a.case_id is not null
            and (a.disposition = 'true_match' or a.proposed_disposition = 'true_match')
            and not exists (select 1 from sanctions_notices n
              where n.case_id = a.case_id and n.kind = 'match')`,
      ),
  },
  {
    name: 'aml.confirmed_conduct_restricts',
    invariant: 'I8',
    run: (tx) =>
      look(
        tx,
        countAlerts,
        sql`
        select 'alert ' || a.id as object, 'was confirmed and never kept the money of anybody in' as detail
          from aml_alerts a
          where a.kind in ('monitoring', 'market_abuse') and a.effect = 'stop' and a.disposition = 'true_match'
            and not exists (select 1 from gate_restrictions r where r.user_id = a.user_id
              and r.cause = 'aml_case' and (r.placed_at >= a.created_at or r.lifted_at is null
                or r.lifted_at >= a.created_at))`,
      ),
  },
  {
    name: 'aml.open_alerts_say_why',
    invariant: 'I5',
    run: (tx) =>
      look(
        tx,
        countAlerts,
        sql`
        select 'alert ' || a.id as object, 'has no history' as detail from aml_alerts a
          where a.dedup_key is not null
            and not exists (select 1 from aml_alert_events e where e.alert_id = a.id and e.type = 'opened')`,
      ),
  },
  {
    name: 'aml.whitelist_names_two_people',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from whitelist_entries`,
        sql`
        select 'whitelist entry ' || w.id as object, 'stands without another person having agreed' as detail
          from whitelist_entries w left join approvals p on p.id = w.approval_id
          where p.status is distinct from 'executed' or p.subject_user_id is distinct from w.user_id
            or not exists (select 1 from approval_votes v
              where v.approval_id = p.id and v.vote = 'approve' and v.checker_id <> w.created_by)`,
      ),
  },
];
