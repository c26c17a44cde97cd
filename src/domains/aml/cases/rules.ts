/** What cases mean: how soon they are due, what closing one takes. Pure. */
import type { Severity } from '../alerts/rules.ts';

export const CASE_KINDS = ['sanctions', 'aml', 'fraud', 'market_abuse', 'edd'] as const;

export type CaseKind = (typeof CASE_KINDS)[number];

export const CASE_DISPOSITIONS = ['true_match', 'suspicious', 'unfounded', 'inconclusive'] as const;

export type CaseDisposition = (typeof CASE_DISPOSITIONS)[number];

const DAY_MS = 24 * 3_600_000;

const DUE_MS: Readonly<Record<Severity, number>> = {
  critical: DAY_MS,
  high: 5 * DAY_MS,
  medium: 15 * DAY_MS,
  low: 30 * DAY_MS,
};

/** How soon a case has to be closed. @units ms from when it was opened */
export function caseDueWithinMs(severity: Severity): number {
  return DUE_MS[severity];
}

/** Whether one person alone may close it; the database holds the same. */
export function closesCaseAlone(
  { severity, suspicionAt }: { readonly severity: string; readonly suspicionAt: string | null },
  disposition: CaseDisposition,
): boolean {
  return (
    (severity === 'low' || severity === 'medium') &&
    suspicionAt === null &&
    (disposition === 'unfounded' || disposition === 'inconclusive')
  );
}

/** What a case is called. */
export function caseReference({
  number,
  openedAt,
}: {
  readonly number: number | null;
  readonly openedAt: string;
}): string {
  return `C-${openedAt.slice(0, 4)}-${String(number ?? 0).padStart(6, '0')}`;
}
