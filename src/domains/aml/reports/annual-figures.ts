import { type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../../../platform/db/client.ts';
import type { Figure, FigureSpan } from '../../kyc/index.ts';

/** What AML did in a year. Only what is written down once and dated is counted, so that a cut-off is for good. */
export async function amlYearFigures(tx: Tx, span: FigureSpan): Promise<readonly Figure[]> {
  const parts = [screeningPart(span), alertPart(span), casePart(span), reportPart(span), standingPart(span)];
  const found: Figure[] = [];
  for (const part of parts) {
    const rows = await tx.execute<Figure>(part);
    found.push(...rows.map(({ section, figure, by, count }) => ({ section, figure, by, count })));
  }
  return found;
}

function within(span: FigureSpan, column: SQL): SQL {
  return sql`(${column} >= ${span.from} and ${before(span, column)})`;
}

function before(span: FigureSpan, column: SQL): SQL {
  return sql`(${column} < ${span.to} and ${column} <= ${span.until})`;
}

/** Begun by the end, and not ended by then. */
function openAtEnd(span: FigureSpan, begun: SQL, ended: SQL): SQL {
  return sql`(${before(span, begun)} and (${ended} is null or not ${before(span, ended)}))`;
}

function screeningPart(span: FigureSpan): SQL {
  return sql`
    select 'screening' as section, 'screenings' as figure, trigger as by, count(*)::int as count from screenings
    where ${within(span, sql`checked_at`)} group by trigger
    union all
    select 'screening', 'results', result::text, count(*)::int from screenings
    where ${within(span, sql`checked_at`)} group by result
    union all
    select 'screening', 'rescreenings_finished', cause, count(*)::int from rescreening_runs
    where ${within(span, sql`finished_at`)} group by cause
    union all
    select 'screening', 'people_rescreened', null, coalesce(sum(done), 0)::int from rescreening_runs
    where ${within(span, sql`finished_at`)}
    union all
    select 'lists', 'versions_imported', list_id::text, count(*)::int from list_versions
    where ${within(span, sql`imported_at`)} group by list_id
    union all
    select 'lists', 'fetches', outcome, count(*)::int from list_fetches
    where ${within(span, sql`at`)} group by outcome
    union all
    select 'vendor', 'answered', vendor, count(*)::int from vendor_results
    where ${within(span, sql`at`)} group by vendor
    union all
    select 'vendor', 'disagreed', vendor, count(*)::int from vendor_results
    where ${within(span, sql`at`)} and not agreed group by vendor`;
}

function alertPart(span: FigureSpan): SQL {
  const closed = within(span, sql`resolved_at`);
  return sql`
    select 'alerts' as section, 'opened' as figure, kind as by, count(*)::int as count from aml_alerts
    where ${within(span, sql`created_at`)} group by kind
    union all
    select 'alerts', 'closed_' || disposition::text, kind, count(*)::int from aml_alerts
    where ${closed} group by disposition, kind
    union all
    select 'alerts', 'closed_late', null, count(*)::int from aml_alerts where ${closed} and resolved_at > due_at
    union all
    select 'alerts', 'median_hours_to_close', null, (percentile_disc(0.5) within group (
      order by floor(extract(epoch from resolved_at - created_at) / 3600)))::int from aml_alerts
    where ${closed} having count(*) > 0
    union all
    select 'alerts', 'open_at_end', kind, count(*)::int from aml_alerts
    where ${openAtEnd(span, sql`created_at`, sql`resolved_at`)} group by kind
    union all
    select 'monitoring', 'hits', rule_key, count(*)::int from rule_hits
    where ${within(span, sql`at`)} group by rule_key`;
}

function casePart(span: FigureSpan): SQL {
  return sql`
    select 'cases' as section, 'opened' as figure, kind as by, count(*)::int as count from aml_cases
    where ${within(span, sql`opened_at`)} group by kind
    union all
    select 'cases', 'closed', disposition, count(*)::int from aml_cases
    where ${within(span, sql`closed_at`)} group by disposition
    union all
    select 'cases', 'open_at_end', kind, count(*)::int from aml_cases
    where ${openAtEnd(span, sql`opened_at`, sql`closed_at`)} group by kind
    union all
    select 'cases', 'steps', type, count(*)::int from aml_case_events
    where type in ('escalated', 'frozen', 'lifted') and ${within(span, sql`at`)} group by type`;
}

/** When a report was filed is what its steps say: the date the FIU received it is a person's word. Its code is fixed once it was approved. */
function reportPart(span: FigureSpan): SQL {
  const code = sql`case when e.type in ('approved', 'filed') then r.report_code end`;
  return sql`
    select 'reports' as section, e.type as figure, ${code} as by, count(distinct r.id)::int as count
    from suspicious_report_events e join suspicious_reports r on r.id = e.report_id
    where e.type in ('drafted', 'approved', 'declined', 'withdrawn', 'filed') and ${within(span, sql`e.at`)}
    group by e.type, ${code}
    union all
    select 'reports', 'filed_late', r.report_code, count(distinct r.id)::int
    from suspicious_report_events e join suspicious_reports r on r.id = e.report_id
    where e.type = 'filed' and ${within(span, sql`e.at`)} and e.at >= r.due_at group by r.report_code
    union all
    select 'notices', 'opened', kind, count(*)::int from sanctions_notices
    where ${within(span, sql`created_at`)} group by kind
    union all
    select 'notices', 'sent', kind, count(*)::int from sanctions_notices
    where ${within(span, sql`sent_at`)} group by kind
    union all
    select 'notices', 'sent_late', kind, count(*)::int from sanctions_notices
    where ${within(span, sql`sent_at`)} and sent_at >= due_at group by kind`;
}

function standingPart(span: FigureSpan): SQL {
  return sql`
    select 'restrictions' as section, 'placed' as figure, cause as by, count(*)::int as count
    from gate_restrictions where ${within(span, sql`placed_at`)} group by cause
    union all
    select 'restrictions', 'lifted', cause, count(*)::int from gate_restrictions
    where ${within(span, sql`lifted_at`)} group by cause
    union all
    select 'restrictions', 'standing_at_end', cause, count(*)::int from gate_restrictions
    where ${openAtEnd(span, sql`placed_at`, sql`lifted_at`)} group by cause
    union all
    select 'whitelist', 'added', null, count(*)::int from whitelist_entries where ${within(span, sql`created_at`)}
    union all
    select 'whitelist', 'ended', end_cause, count(*)::int from whitelist_entries
    where ${within(span, sql`ended_at`)} group by end_cause
    union all
    select 'whitelist', 'standing_at_end', null, count(*)::int from whitelist_entries
    where ${openAtEnd(span, sql`created_at`, sql`ended_at`)}
    union all
    select 'monitoring', 'snoozes', rule_key, count(*)::int from rule_snoozes
    where ${within(span, sql`created_at`)} group by rule_key`;
}
