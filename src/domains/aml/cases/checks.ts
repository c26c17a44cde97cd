import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

/** What reconcile holds cases to. */
export const caseChecks: readonly Check[] = [
  {
    name: 'aml.grave_cases_are_closed_by_two',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from aml_cases`,
        sql`
        select 'case ' || c.id as object, 'was closed by one person alone' as detail from aml_cases c
          where c.status = 'closed'
            and (c.severity in ('high', 'critical') or c.suspicion_at is not null
              or c.disposition in ('true_match', 'suspicious'))
            and not exists (select 1 from approvals p join approval_votes v on v.approval_id = p.id
              where p.id = c.close_approval_id and p.action = 'aml_case.close' and p.subject_id = c.id
                and p.status = 'executed' and v.vote = 'approve' and v.checker_id <> p.maker_id)
        union all
        select 'case ' || c.id, 'names a person who is not among its people' from aml_cases c
          where c.user_id is not null and not exists (select 1 from aml_case_subjects s
            where s.case_id = c.id and s.user_id = c.user_id)
        union all
        select 'case ' || c.id, 'is closed with an open alert in it' from aml_cases c
          where c.status = 'closed'
            and exists (select 1 from aml_alerts a where a.case_id = c.id and a.status <> 'resolved')`,
      ),
  },
];
