/** Work that banks and providers left and that nobody ended: each piece with its age, until it is done. */
import { sql } from 'drizzle-orm';
import { readStoredAmount } from '../../../kernel/amount.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { DISPUTED } from '../follow-payment.ts';
import { DISPUTE_DAYS } from '../settings.ts';
import type { Finding } from './finding.ts';
import { MAX_KEPT } from './settings.ts';

/**
 * Receipts and debits nobody explained, events of providers that wait for a person (a dispute
 * waits for the provider first), what a bank said against a
 * settled payout, and payouts of which nobody knows what became though they were to be made before, where they began
 * before. Whose money it may be and why it waits lies with the piece itself.
 */
export async function openWorkFindings(
  tx: Tx,
  { before, timeZone }: { readonly before: Instant; readonly timeZone: string },
): Promise<readonly Finding[]> {
  const rows = await tx.execute<{
    object: string;
    amount: string | null;
    currency: string | null;
    since: string;
  }>(sql`
    select object, amount::text, currency, to_char(since at time zone ${timeZone}, 'YYYY-MM-DD') as since from (
      select 'unallocated receipt ' || id as object, amount, asset as currency, created_at as since
        from unallocated_receipts where status = 'open'
      union all
        select 'statement debit ' || id, amount, asset, created_at from statement_debits where status = 'open'
      union all
        select 'payment event ' || id, null, null, received_at from inbound_events
        where state = 'kept' and (reason <> ${DISPUTED}
          or received_at < ${before}::timestamptz - make_interval(days => ${DISPUTE_DAYS}))
      union all
        select 'payout conflict ' || id, null, null, created_at from payout_conflicts where status = 'open'
      union all
        select 'withdrawal ' || w.id, w.amount, w.asset, coalesce(paid.since, w.decided_at, w.created_at)
        from withdrawals w left join lateral (
          select (f.execution_date::date + 1)::timestamp at time zone ${timeZone} as since
          from payout_file_items i join payout_files f on f.id = i.file_id
          where i.withdrawal_id = w.id
            and not exists (select 1 from payout_file_voids v where v.file_id = i.file_id)
        ) paid on true
        where w.status in ('processing', 'unknown')
    ) work
    where since < ${before} order by work.since, object limit ${MAX_KEPT}`);
  return rows.map(({ object, amount, currency, since }) => ({
    kind: 'work_overdue',
    object,
    amount: amount === null ? null : readStoredAmount(amount),
    currency,
    detail: `Waits since ${since} and nobody ended it`,
  }));
}
