/**
 * What reconcile holds captures by hand to: each is one journal of its amount to its destination, rests on an
 * executed approval that says the same, and together they are what is gone of the hold.
 */
import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

export const holdChecks: readonly Check[] = [
  {
    name: 'ledger.captures_match_journals',
    invariant: 'I1, I3',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from hold_captures`,
        sql`select 'capture ' || c.id as object, 'its journal is not what was captured' as detail
            from hold_captures c join holds h on h.id = c.hold_id
            where (select count(*) = 2 and bool_and(e.reference_type = 'hold_capture' and e.reference_id = c.id
                  and ((e.wallet_id = h.wallet_id and e.amount = -c.amount)
                    or (e.wallet_id = c.destination_wallet_id and e.amount = c.amount)))
                from ledger_entries e where e.journal_id = c.journal_id) is not true
              or c.user_id <> h.user_id
          union all
            select 'journal ' || j.id, 'captures without a capture' from journals j
            where j.reference_type = 'hold_capture'
              and not exists (select from hold_captures c where c.journal_id = j.id and c.id = j.reference_id)
          union all
            select 'hold ' || h.id, 'is ' || h.status || ' with ' || h.remaining || ' left of ' || h.amount
              || ', captures say ' || coalesce(c.gone, 0)
            from holds h
              left join (select hold_id, sum(amount) as gone from hold_captures group by hold_id) c on c.hold_id = h.id
            where h.by_hand and case h.status
                when 'active' then h.amount - h.remaining <> coalesce(c.gone, 0)
                when 'captured' then h.amount <> coalesce(c.gone, 0)
                else coalesce(c.gone, 0) >= h.amount end`,
      ),
  },
  {
    name: 'ledger.captures_passed_four_eyes',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from hold_captures`,
        sql`select 'capture ' || c.id as object, 'has no executed approval of its own' as detail
            from hold_captures c left join approvals a on a.id = c.approval_id and a.action = 'hold.capture'
              and a.subject_id = c.id and a.status = 'executed' and a.payload ->> 'holdId' = c.hold_id::text
              and (a.payload ->> 'amount')::numeric = c.amount
            where a.id is null`,
      ),
  },
];
