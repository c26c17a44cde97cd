import { formatAmount } from '../../../kernel/amount.ts';
import { dayOf, daysBetween } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { BreakKind, BreakSeverity } from './finding.ts';
import type { BreakRow } from './plan-breaks.ts';

/** A break as runs, signatures and reports keep it. */
export type BreakView = {
  readonly id: Id;
  readonly kind: BreakKind;
  readonly severity: BreakSeverity;
  readonly object: string;
  readonly amount: string | null;
  readonly currency: string | null;
  readonly detail: string;
  readonly status: BreakRow['status'];
  readonly ownerId: Id | null;
  readonly firstSeenAt: Instant;
  readonly ageDays: number;
};

/** A break at an instant. @units ageDays: whole days of the firm since it was first seen */
export function breakView(row: BreakRow, at: Instant, timeZone: string): BreakView {
  const { id, kind, severity, object, currency, detail, status, ownerId, firstSeenAt } = row;
  const amount = row.amount === null ? null : formatAmount(row.amount);
  const ageDays = ageOf(firstSeenAt, at, timeZone);
  return { id, kind, severity, object, amount, currency, detail, status, ownerId, firstSeenAt, ageDays };
}

/** @units whole days of the firm */
export function ageOf(firstSeenAt: Instant, at: Instant, timeZone: string): number {
  return Math.max(0, daysBetween(dayOf(firstSeenAt, timeZone), dayOf(at, timeZone)));
}
