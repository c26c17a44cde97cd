import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

/** What reconcile holds transfers to: rows that carry no foreign keys must be what their journals did. */
export const transferChecks: readonly Check[] = [
  {
    name: 'ledger.transfers_are_their_journals',
    invariant: 'I1, I11',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from transfers`,
        sql`
        select 'transfer ' || t.id as object, 'its journal does not move it' as detail
        from transfers t
        left join (
          select e.journal_id, e.reference_id, count(*) as legs,
            bool_and(e.kind = 'transfer' and e.reference_type = 'transfer') as named,
            min(e.user_id::text) as payer, max(e.user_id::text) as payee, min(e.asset) as asset,
            (array_agg(e.account_id order by e.amount))[1] as from_account,
            (array_agg(e.account_id order by e.amount desc))[1] as to_account, max(e.amount) as amount
          from ledger_entries e where e.reference_type = 'transfer' and e.user_id is not null
          group by e.journal_id, e.reference_id
        ) j on j.journal_id = t.journal_id and j.reference_id = t.id
        where (j.legs = 2 and j.named and j.payer = t.user_id::text and j.payee = t.user_id::text
          and j.asset = t.asset and j.from_account = t.from_account_id and j.to_account = t.to_account_id
          and j.amount = t.amount) is not true`,
      ),
  },
];
