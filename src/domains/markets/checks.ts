import { sql } from 'drizzle-orm';
import type { Check } from '../../platform/domain.ts';
import { look } from '../../platform/look.ts';
import { pricesChecks } from './prices/checks.ts';

export const marketsChecks: readonly Check[] = [
  ...pricesChecks,
  {
    name: 'markets.price_times_quantity_is_exact',
    invariant: 'I15',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from instruments`,
        sql`
        select 'instrument ' || symbol as object, 'tick ' || tick || ', lot ' || lot as detail from instruments
        where scale(trim_scale(tick)) + scale(trim_scale(lot)) > 8`,
      ),
  },
];
