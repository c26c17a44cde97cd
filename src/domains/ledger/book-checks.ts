/**
 * What reconcile holds the chart and the kinds to, over all that was ever posted: every journal fits its
 * kind, the firm's own money stands apart, debts stand alone, and what was posted by hand was agreed.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../../platform/db/client.ts';
import type { Break, Check, CheckResult } from '../../platform/domain.ts';
import { look } from '../../platform/look.ts';
import { HOUSE_CHART, type HouseRole, rolesOf } from './chart.ts';
import { fitsShape, type JournalKind, type Side } from './journal-kinds.ts';

/**
 * The entries that an approval showed to those who agreed: a sweep names its wallets and one amount. A wallet of the house
 * that was still to be opened is the one of the name they saw.
 */
const AGREED_ENTRIES = sql`
  select coalesce((
      select w.id from jsonb_array_elements(coalesce(a.payload -> 'opens', '[]')) as opens
        join wallets w on w.house_role::text = opens ->> 'role' and w.house_reference = opens ->> 'reference'
          and w.asset = opens ->> 'asset' and w.book::text = opens ->> 'book'
      where opens ->> 'id' = named.wallet), named.wallet::uuid) as wallet_id, named.amount
  from (
    select entry ->> 'walletId' as wallet, (entry ->> 'amount')::numeric as amount
    from jsonb_array_elements(a.payload -> 'entries') as entry
    union all
    select a.payload ->> leg, sign * (a.payload ->> 'amount')::numeric
    from (values ('fees', -1), ('held', 1), ('firmAccount', -1), ('firmMoney', 1)) as legs (leg, sign)
    where a.action = 'fees.sweep'
  ) named`;

export const bookChecks: readonly Check[] = [
  { name: 'ledger.journals_fit_their_kind', invariant: 'I1', run: kindsFit },
  {
    name: 'ledger.firm_money_stands_apart',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from journals`,
        sql`select 'journal ' || e.journal_id as object,
              'moves ' || sum(e.amount) || ' ' || e.asset || ' between client money and the firm by a wrong pair' as detail
            from ledger_entries e join wallets w on w.id = e.wallet_id
            where w.house_role::text in (${texts(rolesOf('own'))})
            group by e.journal_id, e.asset having sum(e.amount) <> 0`,
      ),
  },
  {
    name: 'ledger.debts_stand_alone',
    invariant: 'I2',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from journals`,
        sql`select 'journal ' || d.journal_id as object, 'settles the debt of ' || debt.house_reference || ' with another’s money' as detail
            from wallets debt join ledger_entries d on d.wallet_id = debt.id
            join ledger_entries e on e.journal_id = d.journal_id join wallets w on w.id = e.wallet_id
            where debt.house_role = 'receivable' and (w.user_id::text <> debt.house_reference
              or (w.house_role = 'receivable' and w.house_reference <> debt.house_reference))`,
      ),
  },
  {
    name: 'ledger.house_keeps_its_side',
    invariant: 'I2',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from wallets`,
        sql`select 'wallet ' || id as object, house_role || ' of ' || house_reference || ' holds ' || total || ' ' || asset as detail
            from wallets where (house_role::text in (${texts(signed('positive'))}) and total < 0)
              or (house_role::text in (${texts(signed('negative'))}) and total > 0)`,
      ),
  },
  {
    name: 'ledger.reversals_undo_once',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from journals`,
        sql`select 'journal ' || j.id as object, 'says it reverses ' || j.reverses_id || ', the list of reversals does not' as detail
            from journals j where j.reverses_id is not null and not exists (
              select 1 from journal_reversals r where r.journal_id = j.reverses_id and r.reversal_id = j.id)
          union all
            select 'journal ' || r.reversal_id, 'is listed as the reversal of ' || r.journal_id || ' and is none' from journal_reversals r
            where not exists (select 1 from journals j where j.id = r.reversal_id and j.reverses_id = r.journal_id)
          union all
            select 'journal ' || r.reversal_id, 'does not mirror ' || r.journal_id || ' in wallet ' || e.wallet_id
            from journal_reversals r join journals j on j.id = r.reversal_id
            join ledger_entries e on e.journal_id in (r.journal_id, r.reversal_id)
            where j.reference_type = 'journal'
            group by r.reversal_id, r.journal_id, e.wallet_id having sum(e.amount) <> 0`,
      ),
  },
  {
    name: 'ledger.postings_by_hand_were_agreed',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from journals`,
        sql`select 'journal ' || j.id as object, 'was posted by hand, and no executed approval says so' as detail
            from journals j left join approvals a on a.id = j.approval_id
            where (j.approval_id is not null or j.reference_type in ('approval', 'fee_sweep', 'journal'))
              and (a.status = 'executed' and case j.reference_type
                when 'approval' then a.action = 'journal.post' and a.subject_id = j.id and a.id = j.reference_id
                when 'fee_sweep' then a.action = 'fees.sweep' and a.id = j.reference_id
                when 'journal' then a.action = 'journal.reverse' and a.subject_id = j.reference_id
                  and j.reverses_id = j.reference_id
                else true end) is not true
          union all
            select 'journal ' || j.id, 'moves something else than was agreed'
            from journals j join approvals a on a.id = j.approval_id
            where j.reference_type in ('approval', 'fee_sweep', 'journal') and exists (
              select from (${AGREED_ENTRIES}) agreed
                full join (select e.wallet_id, e.amount from ledger_entries e where e.journal_id = j.id) posted
                  on posted.wallet_id = agreed.wallet_id and posted.amount = agreed.amount
              where posted.wallet_id is null or agreed.wallet_id is null)`,
      ),
  },
];

/** Few patterns stand for many journals: each is asked once of the table that postings are asked of. */
async function kindsFit(tx: Tx): Promise<CheckResult> {
  const [counted] = await tx.execute<{ seen: number }>(sql`select count(*)::int as seen from journals`);
  const patterns = await tx.execute<{
    kind: JournalKind;
    sides: string;
    journals: number;
    sample: string;
  }>(sql`
    select kind, sides, count(*)::int as journals, min(journal_id::text) as sample from (
      select e.journal_id, e.kind::text as kind,
        string_agg(distinct case when e.amount < 0 then '-' else '+' end || coalesce(w.house_role::text, 'customer'), ' ') as sides
      from ledger_entries e join wallets w on w.id = e.wallet_id group by e.journal_id, e.kind
    ) patterns group by kind, sides`);
  const breaks: Break[] = patterns
    .filter(({ kind, sides }) => !fitsShape(kind, sides.split(' ') as Side[]))
    .map(({ kind, sides, journals, sample }) => ({
      object: `journal ${sample}`,
      detail: `is a ${kind} with ${sides}, as are ${journals} in all`,
    }));
  return { seen: counted?.seen ?? 0, breaks };
}

function signed(sign: 'positive' | 'negative'): readonly HouseRole[] {
  return (Object.keys(HOUSE_CHART) as HouseRole[]).filter((role) => HOUSE_CHART[role].sign === sign);
}

function texts(values: readonly string[]): SQL {
  return sql.join(
    values.map((value) => sql`${value}`),
    sql`, `,
  );
}
