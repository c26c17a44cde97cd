import { sql } from 'drizzle-orm';
import type { Check } from '../../platform/domain.ts';

export const riskChecks: readonly Check[] = [
  {
    name: 'risk.limits_were_approved',
    invariant: 'I7',
    run: async (tx) => {
      const [counted] = await tx.execute<{ seen: number }>(
        sql`select count(*)::int as seen from risk_limits`,
      );
      const rows = await tx.execute<{ object: string; detail: string }>(sql`
        select 'limit ' || l.id as object, 'set by ' || l.set_by || ' without an executed approval of its own' as detail
        from risk_limits l left join approvals a
          on a.id = l.approval_id and a.subject_id = l.id and a.action = 'risk.set_limit' and a.status = 'executed'
        where a.id is null and not (l.approval_id is null and l.set_by = 'seed')`);
      return { seen: counted?.seen ?? 0, breaks: rows.map(({ object, detail }) => ({ object, detail })) };
    },
  },
];
