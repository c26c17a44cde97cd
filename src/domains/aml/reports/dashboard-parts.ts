import { sql } from 'drizzle-orm';
import { addMs, type Instant, readStoredInstant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';

const DAY_MS = 86_400_000;
/** Over how long the share of false positives and the time to close are counted. @units days */
const CLOSED_DAYS = 90;

type Named = { readonly name: string; readonly count: number };

/** The work that waits: alerts, cases, reports and notices, and what of it is late. */
export async function dashboardWork(tx: Tx, now: Instant) {
  const bySeverity = await tx.execute<Named>(sql`
    select severity as name, count(*)::int as count from aml_alerts where status <> 'resolved'
    group by severity order by severity`);
  const byKind = await tx.execute<Named>(sql`
    select kind as name, count(*)::int as count from aml_alerts where status <> 'resolved'
    group by kind order by kind`);
  const [alerts] = await tx.execute<{
    open: number;
    stopping: number;
    unassigned: number;
    overdue: number;
    day: number;
    week: number;
    older: number;
  }>(sql`
    select count(*)::int as open, count(*) filter (where effect = 'stop')::int as stopping,
      count(*) filter (where assignee_id is null)::int as unassigned,
      count(*) filter (where due_at < ${now})::int as overdue,
      count(*) filter (where created_at > ${addMs(now, -DAY_MS)})::int as day,
      count(*) filter (where created_at <= ${addMs(now, -DAY_MS)}
        and created_at > ${addMs(now, -7 * DAY_MS)})::int as week,
      count(*) filter (where created_at <= ${addMs(now, -7 * DAY_MS)})::int as older
    from aml_alerts where status <> 'resolved'`);
  return {
    alerts: {
      open: alerts?.open ?? 0,
      stopping: alerts?.stopping ?? 0,
      unassigned: alerts?.unassigned ?? 0,
      overdue: alerts?.overdue ?? 0,
      ages: { underOneDay: alerts?.day ?? 0, underOneWeek: alerts?.week ?? 0, older: alerts?.older ?? 0 },
      bySeverity: bySeverity.map(named),
      byKind: byKind.map(named),
    },
    cases: await casesOf(tx, now),
    reports: await reportsOf(tx, now),
    notices: await noticesOf(tx, now),
  };
}

async function casesOf(tx: Tx, now: Instant) {
  const byStatus = await tx.execute<Named & { overdue: number }>(sql`
    select status as name, count(*)::int as count, count(*) filter (where due_at < ${now})::int as overdue
    from aml_cases where status <> 'closed' group by status order by status`);
  const [suspicion] = await tx.execute<{ count: number }>(sql`
    select count(*)::int as count from aml_cases c where c.suspicion_at is not null
      and not exists (select from suspicious_reports r where r.case_id = c.id)`);
  return {
    byStatus: byStatus.map(named),
    overdue: byStatus.reduce((sum, { overdue }) => sum + overdue, 0),
    suspicionsWithoutReport: suspicion?.count ?? 0,
  };
}

async function reportsOf(tx: Tx, now: Instant) {
  const byStatus = await tx.execute<Named>(sql`
    select status as name, count(*)::int as count from suspicious_reports group by status order by status`);
  const [clocks] = await tx.execute<{ running: number; overdue: number; next: string | null }>(sql`
    select count(*)::int as running, count(*) filter (where due_at <= ${now})::int as overdue,
      min(due_at) as next from suspicious_reports where status in ('draft', 'ready', 'approved')`);
  return {
    byStatus: byStatus.map(named),
    running: clocks?.running ?? 0,
    overdue: clocks?.overdue ?? 0,
    nextDueAt: instantOf(clocks?.next),
  };
}

async function noticesOf(tx: Tx, now: Instant) {
  const [clocks] = await tx.execute<{
    running: number;
    overdue: number;
    next: string | null;
    sent: number;
  }>(sql`
    select count(*) filter (where status <> 'sent')::int as running,
      count(*) filter (where status <> 'sent' and due_at <= ${now})::int as overdue,
      min(due_at) filter (where status <> 'sent') as next,
      count(*) filter (where status = 'sent')::int as sent from sanctions_notices`);
  return {
    running: clocks?.running ?? 0,
    overdue: clocks?.overdue ?? 0,
    nextDueAt: instantOf(clocks?.next),
    sent: clocks?.sent ?? 0,
  };
}

/** How alerts of the last ninety days were closed, and which rules and lists cry wolf. */
export async function dashboardClosings(tx: Tx, now: Instant) {
  const since = addMs(now, -CLOSED_DAYS * DAY_MS);
  const byKind = await tx.execute<Closed>(sql`
    select kind as name, ${CLOSED} from aml_alerts a where ${closedSince(since)} group by kind order by kind`);
  const [median] = await tx.execute<{ hours: number | null }>(sql`
    select (percentile_disc(0.5) within group (
      order by floor(extract(epoch from a.resolved_at - a.created_at) / 3600)))::int as hours
    from aml_alerts a where ${closedSince(since)}`);
  const byRule = await tx.execute<Closed>(sql`
    select h.rule_key as name, ${CLOSED} from aml_alerts a
      join (select distinct x.alert_id, r.rule_key from rule_hit_alerts x join rule_hits r on r.id = x.hit_id) h
        on h.alert_id = a.id
    where ${closedSince(since)} group by h.rule_key order by h.rule_key`);
  const byList = await tx.execute<Closed>(sql`
    select l.name, ${CLOSED} from aml_alerts a
      join (select distinct alert_id, list_id from aml_alert_items) i on i.alert_id = a.id
      join screening_lists l on l.id = i.list_id
    where ${closedSince(since)} group by l.id, l.name order by l.name, l.id`);
  return {
    closings: {
      days: CLOSED_DAYS,
      medianHours: median?.hours ?? null,
      byKind: byKind.map(closed),
      byRule: byRule.map(closed),
      byList: byList.map(closed),
    },
  };
}

type Closed = {
  readonly name: string;
  readonly closed: number;
  readonly true_match: number;
  readonly false_positive: number;
};

const CLOSED = sql`count(*)::int as closed,
  count(*) filter (where a.disposition = 'true_match')::int as true_match,
  count(*) filter (where a.disposition = 'false_positive')::int as false_positive`;

function closedSince(since: Instant) {
  return sql`a.status = 'resolved' and a.resolved_at > ${since}`;
}

function closed({ name, closed: all, true_match, false_positive }: Closed) {
  const falseBps = all === 0 ? 0 : Math.round((false_positive * 10_000) / all);
  return {
    name,
    closed: all,
    trueMatch: true_match,
    falsePositive: false_positive,
    falsePositiveBps: falseBps,
  };
}

/** How old each list is, and whether its publisher is still heard of. */
export async function dashboardLists(tx: Tx, now: Instant) {
  const rows = await tx.execute<{
    id: string;
    name: string;
    kind: string;
    purpose: string;
    entities: number | null;
    imported_at: string | null;
    hours: number | null;
    is_stale: boolean;
    failed_fetches: number;
    waiting: number;
  }>(sql`
    select l.id, l.name, l.kind::text as kind, l.purpose::text as purpose, v.entity_count as entities, v.imported_at,
      floor(extract(epoch from ${now}::timestamptz - coalesce(l.confirmed_at, v.imported_at)) / 3600)::int as hours,
      l.active_version_id is null or coalesce(l.confirmed_at, v.imported_at)
        < ${now}::timestamptz - make_interval(hours => l.stale_after_hours) as is_stale,
      l.failed_fetches,
      (select count(*)::int from list_versions w where w.list_id = l.id and w.status = 'importing') as waiting
    from screening_lists l left join list_versions v on v.id = l.active_version_id
    where l.status = 'active' order by l.name, l.id`);
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    kind: row.kind,
    purpose: row.purpose,
    entities: row.entities,
    importedAt: instantOf(row.imported_at),
    confirmedHoursAgo: row.hours,
    isStale: row.is_stale,
    failedFetches: row.failed_fetches,
    versionsWaiting: row.waiting,
  }));
}

function named({ name, count }: Named) {
  return { name, count };
}

function instantOf(stored: string | null | undefined): Instant | null {
  return stored === null || stored === undefined ? null : readStoredInstant(stored);
}
