import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

/** What reconcile holds reports to the authorities to. */
export const reportChecks: readonly Check[] = [
  {
    name: 'aml.suspicions_are_reported',
    invariant: 'I8',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from aml_cases where suspicion_at is not null`,
        sql`
        select 'case ' || c.id as object, 'is suspicious, and nobody reports or declines it' as detail
          from aml_cases c
          where c.suspicion_at is not null
            and not exists (select 1 from suspicious_reports r
              where r.case_id = c.id and r.amends_id is null and r.status <> 'withdrawn')`,
      ),
  },
  {
    name: 'aml.reports_name_two_people',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from suspicious_reports`,
        sql`
        select 'report ' || r.id as object, 'was decided on by somebody who wrote it' as detail
          from suspicious_reports r
          where r.decided_by is not null
            and exists (select 1 from suspicious_report_events e
              where e.report_id = r.id and e.type = 'edited' and e.actor like '%' || r.decided_by::text)
        union all
        select 'report ' || r.id, 'was decided on by somebody it is about' from suspicious_reports r
          where exists (select 1 from aml_case_subjects s
            where s.case_id = r.case_id and s.user_id = r.decided_by and s.added_at <= r.decided_at)`,
      ),
  },
];
