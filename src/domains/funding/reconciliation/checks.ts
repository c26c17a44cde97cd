/**
 * What reconcile holds reconciliation itself to: what was signed was signed by two people and is what the run
 * found, nobody ended a critical break alone, and custody is held against what two people vouched for.
 */
import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

export const reconciliationChecks: readonly Check[] = [
  {
    name: 'funding.reconciliations_are_signed_by_two',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from bank_accounts) + (select count(*) from reconciliation_runs))::int as seen`,
        sql`select 'reconciliation ' || s.run_id as object, 'signed without an executed approval of what it found' as detail
            from reconciliation_sign_offs s join reconciliation_runs r on r.id = s.run_id
            where s.result_hash <> r.result_hash or not exists (
              select 1 from approvals a join approval_votes v on v.approval_id = a.id and v.vote = 'approve'
              where a.id = s.approval_id and a.action = 'reconciliation.sign_off' and a.subject_id = s.run_id
                and a.status = 'executed' and a.maker_id = s.preparer_id and v.checker_id = s.reviewer_id
                and a.payload ->> 'resultHash' = encode(r.result_hash, 'hex'))`,
      ),
  },
  {
    name: 'funding.critical_breaks_passed_four_eyes',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from bank_accounts) + (select count(*) from reconciliation_breaks))::int as seen`,
        sql`select 'break ' || b.id as object, b.status || ' by hand without an executed approval' as detail
            from reconciliation_breaks b
            where b.severity = 'critical' and (b.status = 'explained' or b.resolution = 'by_hand') and not exists (
              select 1 from approvals a where a.id = b.approval_id and a.subject_id = b.id and a.status = 'executed'
                and a.action = case b.status when 'explained' then 'reconciliation_break.explain'
                  else 'reconciliation_break.resolve' end)`,
      ),
  },
  {
    name: 'funding.custody_reports_passed_four_eyes',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from bank_accounts) + (select count(*) from custody_reports))::int as seen`,
        sql`select 'custody report ' || r.id as object,
              'counts, and the second person who confirmed it is not to be found' as detail
            from custody_reports r
            where r.standing = 'confirmed' and r.confirmation_id is not null and not exists (
              select 1 from approvals a join approval_votes v on v.approval_id = a.id and v.vote = 'approve'
              where a.id = r.confirmation_id and a.action = 'custody_report.confirm' and a.subject_id = r.id
                and a.status = 'executed' and v.checker_id::text <> r.imported_by)
          union all
            select 'custody report ' || r.id, 'was given up without an executed approval' from custody_reports r
            where r.void_id is not null and not exists (
              select 1 from approvals a where a.id = r.void_id and a.action = 'custody_report.void'
                and a.subject_id = r.id and a.status = 'executed')
          union all
            select 'custody report ' || r.id, 'has other lines than it was taken with' from custody_reports r
            where r.standing = 'confirmed'
              and r.line_count <> (select count(*) from custody_report_lines l where l.report_id = r.id)`,
      ),
  },
];
