import { sql } from 'drizzle-orm';
import type { Check } from '../../platform/domain.ts';
import { pricesChecks } from './prices/checks.ts';

export const marketsChecks: readonly Check[] = [
  ...pricesChecks,
  {
    name: 'markets.price_times_quantity_is_exact',
    invariant: 'I15',
    run: async (tx) => {
      const [counted] = await tx.execute<{ seen: number }>(
        sql`select count(*)::int as seen from instruments`,
      );
      const rows = await tx.execute<{ object: string; detail: string }>(sql`
        select 'instrument ' || symbol as object, 'tick ' || tick || ', lot ' || lot as detail from instruments
        where scale(trim_scale(tick)) + scale(trim_scale(lot)) > 8`);
      return {
        seen: counted?.seen ?? 0,
        breaks: rows.map(({ object, detail }) => ({ object, detail })),
      };
    },
  },
];
