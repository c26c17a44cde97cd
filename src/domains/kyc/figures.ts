/**
 * Counts of KYC for whoever answers for the firm; nobody is named. What a year's figures count is fixed by when it
 * was written down, so that the same cut-off gives the same figures for good.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Instant } from '../../kernel/time.ts';
import type { Tx } from '../../platform/db/client.ts';

/** One count, under what it is about and what it is told apart by. */
export type Figure = {
  readonly section: string;
  readonly figure: string;
  /** Which kind, outcome or level; null where it is told apart by nothing. */
  readonly by: string | null;
  readonly count: number;
};

/** @units `from` inclusive, `to` exclusive, nothing after `until` */
export type FigureSpan = { readonly from: Instant; readonly to: Instant; readonly until: Instant };

type Count = { readonly name: string; readonly count: number };

/** Where the customers stand now: their risk, and what has to be looked at again. */
export async function customerFigures(tx: Tx, now: Instant) {
  const byLevel = await tx.execute<Count>(sql`
    select level as name, count(*)::int as count from kyc_standings group by level order by level`);
  const [people] = await tx.execute<{ edd: number; exposed: number; dormant: number; unrated: number }>(sql`
    select count(*) filter (where edd_required)::int as edd,
      count(*) filter (where politically_exposed)::int as exposed,
      count(*) filter (where dormant_since is not null)::int as dormant,
      (select count(*)::int from kyc_applications k where k.status = 'approved'
        and not exists (select from kyc_standings s where s.user_id = k.user_id)) as unrated
    from kyc_standings`);
  const reviews = await tx.execute<Count & { overdue: number }>(sql`
    select kind as name, count(*)::int as count, count(*) filter (where due_at < ${now})::int as overdue
    from kyc_reviews where status = 'open' group by kind order by kind`);
  const [queue] = await tx.execute<{ waiting: number; overdue: number }>(sql`
    select count(*)::int as waiting, count(*) filter (where due_at < ${now})::int as overdue
    from kyc_applications where status in ('submitted', 'under_review')`);
  return {
    byLevel: byLevel.map(({ name, count }) => ({ name, count })),
    unrated: people?.unrated ?? 0,
    eddRequired: people?.edd ?? 0,
    politicallyExposed: people?.exposed ?? 0,
    dormant: people?.dormant ?? 0,
    reviews: reviews.map(({ name, count, overdue }) => ({ name, open: count, overdue })),
    applications: { waiting: queue?.waiting ?? 0, overdue: queue?.overdue ?? 0 },
  };
}

/** What happened in a year. @shape in the order of section, figure and what it is told apart by */
export async function kycYearFigures(tx: Tx, span: FigureSpan): Promise<readonly Figure[]> {
  const within = (column: SQL) =>
    sql`${column} >= ${span.from} and ${column} < ${span.to} and ${column} <= ${span.until}`;
  const before = (column: SQL) => sql`${column} < ${span.to} and ${column} <= ${span.until}`;
  const rows = await tx.execute<Figure>(sql`
    select 'customers' as section, 'rated_at_end' as figure, level as by, count(*)::int as count
    from (select distinct on (user_id) level from kyc_risk_ratings where ${before(sql`rated_at`)}
      order by user_id, id desc) newest group by level
    union all
    select 'customers', 'ratings', cause, count(*)::int from kyc_risk_ratings
    where ${within(sql`rated_at`)} group by cause
    union all
    select 'customers', 'signals', kind, count(*)::int from kyc_risk_signals
    where ${within(sql`at`)} group by kind
    union all
    select 'applications', 'decided', outcome::text, count(*)::int from kyc_decisions
    where ${within(sql`decided_at`)} group by outcome
    union all
    select 'reviews', 'opened', kind, count(*)::int from kyc_reviews
    where ${within(sql`opened_at`)} group by kind
    union all
    select 'reviews', 'closed', outcome, count(*)::int from kyc_reviews
    where ${within(sql`closed_at`)} group by outcome
    union all
    select 'reviews', 'open_at_end', kind, count(*)::int from kyc_reviews
    where ${before(sql`opened_at`)} and (closed_at is null or not (${before(sql`closed_at`)})) group by kind
    order by 1, 2, 3`);
  return rows.map(({ section, figure, by, count }) => ({ section, figure, by, count }));
}
