/** What is on its way, item by item: each clearing wallet with what providers, venues and contracts owe. */
import { sql } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount, readStoredAmount, sumAmounts } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { depositEntries } from '../provider-claims.ts';
import type { Section } from './bank-section.ts';
import type { Finding } from './finding.ts';
import { type Flow, itemise, type OpenDeposit, type Transit } from './in-transit.ts';
import { IN_TRANSIT_MAX_DAYS, MAX_KEPT } from './settings.ts';

export type TransitView = {
  readonly reference: string;
  readonly asset: string;
  /** What is owed to clients' money there, less what it owes. */
  readonly inTransit: string;
  readonly overdue: string;
  readonly unexplained: string;
  readonly itemCount: number;
  readonly items: readonly {
    readonly object: string;
    readonly amount: string;
    readonly since: string;
    readonly ageDays: number;
  }[];
};

/** With what is no resource by asset: overdue, or explained by nothing. */
type TransitSection = Section<TransitView> & { readonly missing: ReadonlyMap<string, Amount> };

type At = { readonly day: string; readonly until: Instant; readonly timeZone: string };

type ClearingWallet = {
  readonly id: Id;
  readonly reference: string;
  readonly asset: string;
  readonly total: Amount;
};

/** Itemises every clearing wallet of the live book, from entries alone. */
export async function transitSection(tx: Tx, at: At): Promise<TransitSection> {
  const views: TransitView[] = [];
  const findings: Finding[] = [];
  const missing = new Map<string, Amount>();
  const deposits = await openDeposits(tx, at);
  const flows = await flowsOf(tx, at);
  for (const wallet of await clearingWallets(tx, at)) {
    const transit = itemise({
      day: at.day,
      maxDays: IN_TRANSIT_MAX_DAYS,
      total: amountOf(-wallet.total),
      deposits: deposits.get(wallet.id) ?? [],
      flows: flows.get(wallet.id) ?? [],
    });
    const overdue = sumAmounts(transit.overdue.map(({ amount }) => amount));
    const lacks = overdue + (transit.unexplained > 0n ? transit.unexplained : 0n);
    missing.set(wallet.asset, amountOf((missing.get(wallet.asset) ?? 0n) + lacks));
    findings.push(...findingsOf(wallet, transit));
    if (wallet.total !== 0n || transit.items.length > 0) {
      views.push(viewOf(wallet, transit, overdue));
    }
  }
  return { views, findings, missing };
}

function viewOf({ reference, asset, total }: ClearingWallet, transit: Transit, overdue: Amount): TransitView {
  return {
    reference,
    asset,
    inTransit: formatAmount(amountOf(-total)),
    overdue: formatAmount(overdue),
    unexplained: formatAmount(transit.unexplained),
    itemCount: transit.items.length,
    items: transit.items
      .toSorted((left, right) => right.ageDays - left.ageDays)
      .slice(0, MAX_KEPT)
      .map(({ amount, ...item }) => ({ ...item, amount: formatAmount(amount) })),
  };
}

function findingsOf({ reference, asset: currency }: ClearingWallet, transit: Transit): readonly Finding[] {
  const place = `clearing ${reference} ${currency}`;
  const { unexplained, overdue } = transit;
  const late = overdue.slice(0, MAX_KEPT).map(
    ({ object, amount, since }): Finding => ({
      kind: 'in_transit_overdue',
      object: `${place} ${object}`,
      amount,
      currency,
      detail: `Owed since ${since} and not paid over; it is counted as missing`,
    }),
  );
  const detail = 'No event of a provider, trade or statement line explains it';
  return unexplained === 0n
    ? late
    : [
        ...late,
        { kind: 'in_transit_unexplained', object: place, amount: unexplained, currency, detail } as const,
      ];
}

async function clearingWallets(tx: Tx, { until }: At): Promise<readonly ClearingWallet[]> {
  const rows = await tx.execute<{ id: Id; reference: string; asset: string; total: string }>(sql`
    select w.id, w.house_reference as reference, w.asset, coalesce(sum(e.amount), 0)::text as total
    from wallets w left join ledger_entries e on e.wallet_id = w.id and e.booked_at < ${until}
    where w.house_role = 'clearing' and w.book = 'live'
    group by w.id, w.house_reference, w.asset order by w.house_reference, w.asset`);
  return rows.map((row) => ({ ...row, total: readStoredAmount(row.total) }));
}

/** The deposits of which something is still to come or to go, by wallet. */
async function openDeposits(tx: Tx, at: At): Promise<ReadonlyMap<Id, readonly OpenDeposit[]>> {
  const rows = await tx.execute<{ wallet_id: Id; deposit_id: Id; day: string; amount: string }>(sql`
    select wallet_id, deposit_id, to_char(min(booked_at) at time zone ${at.timeZone}, 'YYYY-MM-DD') as day,
      (-sum(amount))::text as amount
    from (${depositEntries(sql`e.booked_at < ${at.until}`)}) moved
    group by wallet_id, deposit_id having sum(amount) <> 0 order by wallet_id, deposit_id`);
  return grouped(rows, ({ deposit_id: depositId, day, amount }) => ({
    depositId,
    day,
    amount: readStoredAmount(amount),
  }));
}

/**
 * All else, by wallet and day. A claim is proven by a trade at a venue, by what contracts brought, or by a statement
 * line; a journal and what took it back are neither.
 */
async function flowsOf(tx: Tx, { until, timeZone }: At): Promise<ReadonlyMap<Id, readonly Flow[]>> {
  const rows = await tx.execute<{
    wallet_id: Id;
    day: string;
    claimed: string;
    settled: string;
    by_hand: string;
  }>(sql`
    select wallet_id, to_char(booked_at at time zone ${timeZone}, 'YYYY-MM-DD') as day,
      coalesce(-sum(amount) filter (where amount < 0 and proven), 0)::text as claimed,
      coalesce(sum(amount) filter (where amount > 0), 0)::text as settled,
      coalesce(-sum(amount) filter (where amount < 0 and not proven), 0)::text as by_hand
    from (
      select e.wallet_id, e.booked_at, e.amount,
        (j.kind = 'trade' and w.house_reference like 'venue:%')
          or (j.kind in ('pnl', 'funding', 'margin') and w.house_reference = 'contracts')
          or j.reference_type in ('statement_debit', 'unallocated_receipt') as proven
      from wallets w join ledger_entries e on e.wallet_id = w.id join journals j on j.id = e.journal_id
      where w.house_role = 'clearing' and w.book = 'live' and e.booked_at < ${until}
        and e.reference_type not in ('deposit', 'bank_statement_line')
        and not exists (select 1 from provider_settlements p
          where j.reference_type = 'unallocated_receipt' and p.receipt_id = j.reference_id)
        and not exists (select 1 from journal_reversals r join journals b on b.id = r.reversal_id
          where (r.journal_id = j.id or r.reversal_id = j.id) and b.booked_at < ${until})
    ) moved
    group by wallet_id, day order by wallet_id, day`);
  return grouped(rows, ({ day, claimed, settled, by_hand: byHand }) => ({
    day,
    claimed: readStoredAmount(claimed),
    settled: readStoredAmount(settled),
    byHand: readStoredAmount(byHand),
  }));
}

function grouped<Row extends { readonly wallet_id: Id }, Out>(
  rows: readonly Row[],
  read: (row: Row) => Out,
): ReadonlyMap<Id, readonly Out[]> {
  const groups = new Map<Id, Out[]>();
  for (const row of rows) {
    const known = groups.get(row.wallet_id) ?? [];
    known.push(read(row));
    groups.set(row.wallet_id, known);
  }
  return groups;
}
