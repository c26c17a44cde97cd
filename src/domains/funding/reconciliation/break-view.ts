import { sql } from 'drizzle-orm';
import { formatAmount } from '../../../kernel/amount.ts';
import { dayOf, daysBetween } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { BreakKind, BreakSeverity } from './finding.ts';
import type { BreakRow } from './plan-breaks.ts';
import { reconciliationBreakNotes } from './schema.ts';

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
  /** What was last noted of it by then: of one that was explained, why. Runs of before have none. */
  readonly note?: string | null;
  readonly approvalId?: Id | null;
};

/** Breaks at an instant. @units ageDays: whole days of the firm since it was first seen */
export function breakViews(
  rows: readonly BreakRow[],
  notes: ReadonlyMap<Id, string>,
  at: Instant,
  timeZone: string,
): readonly BreakView[] {
  return rows.map((row) => {
    const { id, kind, severity, object, currency, detail, status, ownerId, firstSeenAt, approvalId } = row;
    const amount = row.amount === null ? null : formatAmount(row.amount);
    const ageDays = ageOf(firstSeenAt, at, timeZone);
    const head = { id, kind, severity, object, amount, currency, detail, status, ownerId, firstSeenAt };
    return { ...head, ageDays, note: notes.get(id) ?? null, approvalId };
  });
}

/** What people last wrote of each break. */
export async function lastNotes(tx: Tx, rows: readonly BreakRow[]): Promise<ReadonlyMap<Id, string>> {
  const ids = rows.map(({ id }) => id);
  const notes =
    ids.length === 0
      ? []
      : await tx
          .select({ breakId: reconciliationBreakNotes.breakId, note: reconciliationBreakNotes.note })
          .from(reconciliationBreakNotes)
          .where(sql`${reconciliationBreakNotes.breakId} = any (${sql.param(ids)}::uuid[])`)
          .orderBy(reconciliationBreakNotes.id);
  return new Map(notes.map(({ breakId, note }) => [breakId, note]));
}

/** @units whole days of the firm */
export function ageOf(firstSeenAt: Instant, at: Instant, timeZone: string): number {
  return Math.max(0, daysBetween(dayOf(firstSeenAt, timeZone), dayOf(at, timeZone)));
}
