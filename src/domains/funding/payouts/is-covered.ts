import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';

/**
 * Whether a signed reconciliation saw an account's statements of these days. They follow on each other without a gap: one
 * that closes later covers every day since the first.
 */
export async function isCovered(tx: Tx, accountId: Id, paysOn: string, until: string): Promise<boolean> {
  const rows = await tx.execute(sql`
    select 1 from bank_statements t join bank_statement_bookings b on b.statement_id = t.id
    where t.bank_account_id = ${accountId} and t.standing = 'confirmed'
      and t.closing_date >= ${until}
      and exists (
        select 1 from bank_statements e
        where e.bank_account_id = t.bank_account_id and e.standing = 'confirmed' and e.closing_date <= ${paysOn})
      and exists (
        select 1 from reconciliation_sign_offs s join reconciliation_runs r on r.id = s.run_id
        where r.business_date >= t.closing_date and r.completed_at >= b.booked_at)
    limit 1`);
  return rows.length > 0;
}
