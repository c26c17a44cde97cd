import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

/** What reconcile holds ratings to. */
export const riskChecks: readonly Check[] = [
  {
    name: 'kyc.standings_are_their_newest_rating',
    invariant: 'I4',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from kyc_standings`,
        sql`
        select 'user ' || s.user_id as object, 'stands at ' || s.score || ' and was rated '
          || coalesce(r.score::text, 'never') as detail
        from kyc_standings s left join kyc_risk_ratings r on r.id = s.rating_id and r.user_id = s.user_id
        where r.id is null or r.score <> s.score or r.level <> s.level or r.matrix_id <> s.matrix_id
          or r.raised_to is distinct from s.raised_to
          or exists (select from kyc_risk_ratings n where n.user_id = s.user_id and n.id > r.id)`,
      ),
  },
  {
    name: 'kyc.active_matrix_was_agreed_on',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from kyc_risk_matrices`,
        sql`
        select 'risk matrices' as object, 'of which ' || count(*) || ' are in force' as detail
        from kyc_risk_matrices where status = 'active' having count(*) <> 1
        union all
        select 'risk matrix ' || m.id, 'is in force and no second person agreed to it'
        from kyc_risk_matrices m
        where m.status = 'active' and m.origin = 'staff' and not exists (
          select from approvals a where a.id = m.approval_id and a.action = 'kyc_risk_matrix.activate'
            and a.subject_id = m.id and a.status = 'executed')`,
      ),
  },
];
