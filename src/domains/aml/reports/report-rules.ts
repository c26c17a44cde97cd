/** What reports of suspicion mean: what they may be, why something is suspicious, what they are called. Pure. */

export const REPORT_STATUSES = ['draft', 'ready', 'approved', 'filed', 'declined', 'withdrawn'] as const;

/** Those on which the time to report still runs. */
export const OPEN_REPORTS = ['draft', 'ready', 'approved'] as const;

/** @source docs/compliance/sources.md, suspicious transaction reports */
export const REPORT_REASONS = [
  'reasonable_suspicion',
  'unusual_complexity',
  'no_economic_purpose',
  'identity_not_established',
  'other',
] as const;

/** What a report is called: its place among the firm's, and the year it was begun in. */
export function reportReference(report: {
  readonly number: number | null;
  readonly reportCode: string;
  readonly createdAt: string;
}): string {
  const { number, reportCode, createdAt } = report;
  return `${reportCode}-${createdAt.slice(0, 4)}-${String(number ?? 0).padStart(6, '0')}`;
}
