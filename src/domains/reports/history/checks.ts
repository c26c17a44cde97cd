/** What reconcile holds snapshots to: each follows the one before, and is what its day's entries make of it. */
import { and, desc, eq, inArray, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { Break, Check, CheckResult } from '../../../platform/domain.ts';
import { toWire } from '../../../platform/http/wire.ts';
import { type Account, accountsAfter } from '../../accounts/index.ts';
import { readDayFacts } from './day-facts.ts';
import {
  basisOf,
  commissionsInLots,
  type DayFacts,
  type DayValues,
  isEmptyDay,
  pricesOf,
  valueDay,
} from './rules.ts';
import { portfolioDays, portfolioSnapshots } from './schema.ts';

/** Entries never change (I4): what was found whole on so many days stays so. */
const LOOKED_AT_DAYS = 7;

const PAGE_ACCOUNTS = 500;

export const historyChecks: readonly Check[] = [
  { name: 'reports.snapshots_recompute', invariant: 'I3, I16', run: recompute },
  { name: 'reports.snapshots_follow_each_other', invariant: 'I3', run: follow },
];

type Day = typeof portfolioDays.$inferSelect;
type Snapshot = typeof portfolioSnapshots.$inferSelect;
type Made = DayValues & Pick<Snapshot, 'basis'>;

/** Every account of the latest days is made again from entries, lots and the prices its row keeps. */
async function recompute(tx: Tx): Promise<CheckResult> {
  const days = await tx.select().from(portfolioDays).orderBy(desc(portfolioDays.day)).limit(LOOKED_AT_DAYS);
  const breaks: Break[] = [];
  let seen = 0;
  for (const day of days) {
    let after: Id | null = null;
    for (;;) {
      const page: readonly Account[] = await accountsAfter(tx, after, PAGE_ACCOUNTS);
      if (page.length === 0) {
        break;
      }
      seen += page.length;
      breaks.push(...(await faultsOf(tx, page, day)));
      after = present(page.at(-1), 'the page has an account').id;
    }
  }
  return { seen, breaks };
}

async function faultsOf(
  tx: Tx,
  page: readonly Account[],
  { day, beginsAt, endsAt, commissionsSince }: Day,
): Promise<Break[]> {
  const ids = page.map(({ id }) => id);
  const rows = await tx
    .select()
    .from(portfolioSnapshots)
    .where(and(eq(portfolioSnapshots.day, day), inArray(portfolioSnapshots.accountId, ids)));
  const rowOf = new Map(rows.map((row) => [row.accountId, row]));
  const facts = await readDayFacts(tx, ids, { from: beginsAt, to: endsAt }, commissionsSince);
  return page.flatMap(({ id }) => {
    const fault = faultOf(rowOf.get(id), present(facts.get(id), 'every account was read'));
    return fault === null ? [] : [{ object: `account ${id} on ${day}`, detail: fault }];
  });
}

function faultOf(row: Snapshot | undefined, found: DayFacts): string | null {
  if (row === undefined) {
    return isEmptyDay(found, null) ? null : 'has entries and no snapshot';
  }
  // A day may have been begun before commissions were told apart.
  const apart = row.basis.assets.every(({ commissions }) => commissions !== undefined);
  const facts = apart ? found : commissionsInLots(found);
  const prices = pricesOf(row.basis);
  const values = valueDay(facts, prices, row.currency, row.opening);
  const made: Made = { ...values, basis: basisOf(facts, prices) };
  const kept = Object.fromEntries(Object.keys(made).map((name) => [name, row[name as keyof Made]]));
  return textOf(made) === textOf(kept) ? null : 'is not what its entries make of it';
}

/** Members in one order, whatever order the database keeps those of JSON in. */
function textOf(value: object): string {
  return JSON.stringify(sorted(toWire(value)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value)
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([name, member]) => [name, sorted(member)]),
    );
  }
  return value;
}

async function follow(tx: Tx): Promise<CheckResult> {
  const [counted] = await tx.execute<{ seen: number }>(
    sql`select count(*)::int as seen from portfolio_snapshots`,
  );
  const rows = await tx.execute<{ object: string; detail: string }>(sql`
    select 'account ' || s.account_id || ' on ' || s.day as object,
      'opens at ' || coalesce(s.opening::text, 'nothing known') || ', the day before closed at '
        || coalesce(p.equity::text, 'nothing known') as detail
    from portfolio_snapshots s
      left join portfolio_days b on b.day = s.day - 1
      left join portfolio_snapshots p on p.account_id = s.account_id and p.day = s.day - 1
    where s.opening is distinct from
      case when p.account_id is not null then p.equity when b.day is not null then 0 end
    union all
    select 'day ' || d.day, 'is complete, the day before is not' from portfolio_days d
    where d.day > (select min(day) from portfolio_days)
      and not exists (select from portfolio_days b where b.day = d.day - 1 and b.ends_at = d.begins_at)`);
  return {
    seen: counted?.seen ?? 0,
    breaks: rows.map(({ object, detail }) => ({ object, detail })),
  };
}
