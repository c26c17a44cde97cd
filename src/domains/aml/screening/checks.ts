import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

/** What reconcile holds screening to. */
export const screeningChecks: readonly Check[] = [
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
            select result, checked_at from screenings
            where user_id = g.user_id and check_type = 'sanctions_screening'
            order by checked_at desc, id desc limit 1
          ) s on true
          where g.screening = 'clear' and (s.result is null or s.result = 'error' or exists (
            select 1 from kyc_applications k where k.user_id = g.user_id and k.submitted_at > s.checked_at))
        union all
        select 'user ' || g.user_id, 'is clear while an alert is open' from customer_gates g
          where g.screening = 'clear'
            and exists (select 1 from aml_alerts a
              where a.user_id = g.user_id and a.effect = 'stop' and a.status <> 'resolved')
        union all
        select 'user ' || a.user_id, 'is a true match and not confirmed' from aml_alerts a
          join customer_gates g on g.user_id = a.user_id
          where a.disposition = 'true_match' and a.effect = 'stop'
            and a.kind not in ('monitoring', 'market_abuse', 'list') and g.screening <> 'confirmed'
            and not exists (select 1 from gate_restrictions r
              where r.user_id = a.user_id and r.cause = 'sanctions' and r.lifted_at is not null)`,
      ),
  },
];
