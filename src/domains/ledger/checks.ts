/**
 * What reconcile holds the ledger to, from entries alone. Each check counts what it saw, so that a
 * login that sees nothing is a break and not a clean book.
 */
import { sql } from 'drizzle-orm';
import type { Check } from '../../platform/domain.ts';
import { look } from '../../platform/look.ts';

export const ledgerChecks: readonly Check[] = [
  {
    name: 'ledger.journals_balance',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select count(distinct journal_id)::int as seen from ledger_entries`,
        sql`select 'journal ' || journal_id as object, asset || ' sums to ' || sum(amount) as detail
            from ledger_entries group by journal_id, asset having sum(amount) <> 0`,
      ),
  },
  {
    name: 'ledger.journals_have_entries',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from journals`,
        sql`select 'journal ' || j.id as object, 'has no entries' as detail from journals j
            where not exists (select 1 from ledger_entries e where e.journal_id = j.id)
          union all
            select 'entry ' || e.id, 'has no journal' from ledger_entries e
            where not exists (select 1 from journals j where j.id = e.journal_id)`,
      ),
  },
  {
    name: 'ledger.totals_follow_entries',
    invariant: 'I3',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from wallets`,
        sql`select 'wallet ' || w.id as object,
              'holds ' || w.total || ' at version ' || w.version || ', entries say ' || coalesce(e.total, 0) ||
              ' at version ' || coalesce(e.entries, 0) as detail
            from wallets w
            left join (select wallet_id, sum(amount) as total, count(*) as entries from ledger_entries group by wallet_id) e
              on e.wallet_id = w.id
            where w.total <> coalesce(e.total, 0) or w.version <> coalesce(e.entries, 0)`,
      ),
  },
  {
    name: 'ledger.balances_follow_each_other',
    invariant: 'I3',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from ledger_entries`,
        sql`select 'entry ' || id as object, 'balance after is ' || balance_after || ', entries say ' || running as detail
            from (select id, balance_after, wallet_version,
                sum(amount) over w as running, row_number() over w as place
              from ledger_entries window w as (partition by wallet_id order by wallet_version
                rows unbounded preceding)) entries
            where balance_after <> running or wallet_version <> place`,
      ),
  },
  {
    name: 'ledger.reserved_is_explained',
    invariant: 'I3',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from wallets`,
        sql`select 'wallet ' || w.id as object,
              'reserves ' || w.reserved || ', holds, open orders and margin say ' || (coalesce(h.held, 0) + coalesce(o.held, 0) + coalesce(m.held, 0)) as detail
            from wallets w
            left join (select wallet_id, sum(remaining) as held from holds where status = 'active' group by wallet_id) h
              on h.wallet_id = w.id
            left join (select wallet_id, sum(reservation) as held from orders where closed_at is null group by wallet_id) o
              on o.wallet_id = w.id
            left join margin_holds m on m.wallet_id = w.id
            where w.reserved <> coalesce(h.held, 0) + coalesce(o.held, 0) + coalesce(m.held, 0)`,
      ),
  },
  {
    name: 'ledger.customers_never_below_zero',
    invariant: 'I2',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from wallets`,
        sql`select 'wallet ' || id as object, 'total ' || total || ', reserved ' || reserved || ', unsettled ' || unsettled as detail
            from wallets where reserved < 0 or unsettled < 0 or (house_role is null and total < reserved)`,
      ),
  },
  {
    name: 'ledger.books_sum_to_zero',
    invariant: 'I1, I13',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from wallets`,
        sql`select book || ' ' || asset as object, 'all wallets together hold ' || sum(total) as detail
            from wallets group by book, asset having sum(total) <> 0
          union all
            select 'entry ' || e.id, 'book ' || e.book || ', wallet ' || w.book || ', journal ' || j.book
            from ledger_entries e join wallets w on w.id = e.wallet_id join journals j on j.id = e.journal_id
            where e.book <> w.book or e.book <> j.book or e.asset <> w.asset
          union all
            select 'wallet ' || w.id, 'book ' || w.book || ' in a ' || a.type || ' account'
            from wallets w join accounts a on a.id = w.account_id where w.book::text <> a.type::text
          union all
            select 'journal ' || id, 'gives play money in the book ' || book
            from journals where kind = 'reset' and book <> 'paper'`,
      ),
  },
  {
    name: 'ledger.lots_add_up',
    invariant: 'I16',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from wallets`,
        sql`select 'wallet ' || w.id as object, 'holds ' || w.total || ' ' || w.asset || ', open lots say ' || coalesce(l.open, 0) as detail
            from wallets w join assets a on a.code = w.asset
            left join (select wallet_id, sum(quantity_open) as open from lots group by wallet_id) l on l.wallet_id = w.id
            where w.house_role is null and a.kind <> 'fiat' and w.total <> coalesce(l.open, 0)
          union all
            select 'lot ' || l.id, 'open ' || l.quantity_open || ' of ' || l.quantity || ', disposals say ' || coalesce(d.gone, 0) || ' left'
            from lots l left join (select lot_id, sum(quantity) as gone from lot_disposals group by lot_id) d on d.lot_id = l.id
            where l.quantity_open <> l.quantity - coalesce(d.gone, 0)`,
      ),
  },
  {
    name: 'ledger.lot_costs_add_up',
    invariant: 'I16',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from wallets`,
        // By wallet and currency: averaging moves cost between the lots of one and never beyond.
        sql`select 'wallet ' || l.wallet_id as object, 'lots cost ' || sum(l.cost) || ' ' || l.cost_currency ||
              ', what is open bears ' || sum(coalesce(l.cost_open, 0)) || ' and what went took ' || sum(coalesce(d.gone, 0)) as detail
            from lots l left join (select lot_id, sum(cost) as gone from lot_disposals group by lot_id) d on d.lot_id = l.id
            where l.cost is not null
            group by l.wallet_id, l.cost_currency having sum(l.cost) <> sum(coalesce(l.cost_open, 0)) + sum(coalesce(d.gone, 0))
          union all
            select 'lot ' || id, case when cost is null then 'has no cost and bears one' else 'has a cost and bears none' end
            from lots where (cost is null) <> (cost_open is null)`,
      ),
  },
];
