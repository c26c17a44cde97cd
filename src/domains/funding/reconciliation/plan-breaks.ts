/**
 * What a run does to the breaks that are known, from values alone. A break that is seen again keeps its age;
 * an explained one whose amount moved is open again; one that is gone is closed by the run that did not see
 * it. A run about an earlier day opens and never closes: it did not look at today.
 */
import type { Id } from '../../../kernel/id.ts';
import { type Finding, findingKey } from './finding.ts';
import type { reconciliationBreaks } from './schema.ts';

export type BreakRow = typeof reconciliationBreaks.$inferSelect;

export type BreakPlan = {
  /** Not known: they begin now, or when one that people resolved began that never went away. */
  readonly opened: readonly (Finding & { readonly firstSeenAt: BreakRow['firstSeenAt'] | null })[];
  readonly seen: readonly { readonly row: BreakRow; readonly finding: Finding; readonly reopens: boolean }[];
  readonly gone: readonly BreakRow[];
};

/** `resolvedByHand` are rows that people resolved, the latest of each object. */
export function planBreaks(
  known: readonly BreakRow[],
  resolvedByHand: readonly BreakRow[],
  findings: readonly Finding[],
  { isLatest }: { readonly isLatest: boolean },
): BreakPlan {
  const byKey = new Map(known.map((row) => [findingKey(row), row]));
  const former = new Map(resolvedByHand.map((row) => [findingKey(row), row]));
  const found = new Map(findings.map((finding) => [findingKey(finding), finding]));
  const opened: (Finding & { readonly firstSeenAt: BreakRow['firstSeenAt'] | null })[] = [];
  const seen: { readonly row: BreakRow; readonly finding: Finding; readonly reopens: boolean }[] = [];
  const still = new Set<Id>();
  for (const [key, finding] of found) {
    const row = byKey.get(key);
    if (row === undefined) {
      opened.push({ ...finding, firstSeenAt: former.get(key)?.firstSeenAt ?? null });
    } else {
      still.add(row.id);
      seen.push({ row, finding, reopens: row.status === 'explained' && row.amount !== finding.amount });
    }
  }
  return { opened, seen, gone: isLatest ? known.filter((row) => !still.has(row.id)) : [] };
}
