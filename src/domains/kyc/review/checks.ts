import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

/** What reconcile holds the review to. */
export const reviewChecks: readonly Check[] = [
  {
    name: 'kyc.approved_gates_have_decisions',
    invariant: 'I8',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from customer_gates`,
        sql`
        select 'user ' || g.user_id as object, 'is approved at level ' || g.kyc_level || ' without a decision' as detail
        from customer_gates g
        where g.kyc_status = 'approved' and not exists (
          select 1 from kyc_decisions d join kyc_applications a on a.id = d.application_id
          where d.user_id = g.user_id and d.outcome = 'approved' and a.level = g.kyc_level)
        union all
        select 'user ' || g.user_id, 'is approved while an application of theirs waits for a decision'
        from customer_gates g join kyc_applications a on a.user_id = g.user_id
        where g.kyc_status = 'approved' and a.status in ('submitted', 'under_review') and not a.is_upgrade`,
      ),
  },
  {
    name: 'kyc.applications_follow_their_decisions',
    invariant: 'I4',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from kyc_applications`,
        sql`
        select 'application ' || a.id as object,
          'is ' || a.status || ' and its last decision says ' || coalesce(d.outcome::text, 'nothing') as detail
        from kyc_applications a left join lateral (
          select outcome from kyc_decisions where application_id = a.id order by decided_at desc, id desc limit 1
        ) d on true
        where a.status in ('approved', 'rejected', 'resubmission_required')
          and a.status::text is distinct from d.outcome::text`,
      ),
  },
  {
    name: 'kyc.senior_approvals_name_two_people',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from kyc_decisions`,
        sql`
        select 'application ' || a.id as object, 'was approved without the agreement of a senior person' as detail
        from kyc_decisions d join kyc_applications a on a.id = d.application_id
        where d.outcome = 'approved' and a.needs_senior and a.status = 'approved' and not exists (
          select 1 from approvals p join approval_votes v on v.approval_id = p.id
          where p.id = d.approval_id and p.action = 'kyc_application.approve' and p.subject_id = a.id
            and p.status = 'executed' and v.vote = 'approve' and v.checker_id <> d.decided_by)`,
      ),
  },
];
