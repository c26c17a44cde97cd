import { sql } from 'drizzle-orm';
import type { Check } from '../../platform/domain.ts';
import { look } from '../../platform/look.ts';

const countAccounts = sql`select count(*)::int as seen from accounts`;

export const accountChecks: readonly Check[] = [
  {
    name: 'accounts.one_default_per_type',
    invariant: 'I12',
    run: (tx) =>
      look(
        tx,
        countAccounts,
        sql`select user_id || ' ' || type as object, count(*) filter (where is_default) || ' defaults' as detail
            from accounts group by user_id, type having count(*) filter (where is_default) <> 1`,
      ),
  },
  {
    name: 'accounts.closed_say_when',
    invariant: 'I2',
    run: (tx) =>
      look(
        tx,
        countAccounts,
        sql`select 'account ' || id as object, 'status ' || status || ', closed at ' || coalesce(closed_at::text, 'never')
              as detail
            from accounts where (status = 'closed') <> (closed_at is not null)`,
      ),
  },
];
