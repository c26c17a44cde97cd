import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

/** What reconcile holds re-screening to. */
export const rescreeningChecks: readonly Check[] = [
  {
    name: 'aml.nobody_clear_is_behind',
    invariant: 'I8',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from screening_standings`,
        // A day is long enough for every run, also after a night without the service.
        sql`
        select 'user ' || g.user_id as object, 'is clear against lists that were replaced a day ago' as detail
          from customer_gates g join screening_standings s on s.user_id = g.user_id
          join screening_list_sets held on held.hash = s.list_set
          where g.screening = 'clear' and exists (
            select from screening_lists l join list_versions v on v.id = l.active_version_id
            where l.confirmed_at < now() - interval '1 day' and v.imported_at < now() - interval '1 day'
              and held.versions ->> l.id::text is distinct from l.active_version_id::text
              and s.checked_at < now() - interval '1 day')`,
      ),
  },
];
