import { and, eq, inArray, ne, sql } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import { type Change, recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRows } from '../../../platform/db/locks.ts';
import { RECONCILIATION_EVENTS } from './audit.ts';
import { type Finding, findingKey, raisesAlarm, SEVERITY } from './finding.ts';
import { type BreakPlan, type BreakRow, planBreaks } from './plan-breaks.ts';
import { reconciliationBreaks } from './schema.ts';
import { MAX_ALARMS } from './settings.ts';

/** What a run will do, with the rows it leaves: its results are kept before its breaks can name it. */
export type TrackedBreaks = {
  readonly plan: BreakPlan;
  readonly opened: readonly BreakRow[];
  /** Every break the run saw, as it leaves them. */
  readonly standing: readonly BreakRow[];
};

export type RunHead = {
  readonly id: Id;
  readonly legalEntity: string;
  readonly at: Instant;
  readonly isLatest: boolean;
};

/**
 * Decides under lock what becomes of each break; nothing is written yet. The caller holds the lock of the
 * legal entity's reconciliation.
 */
export async function trackBreaks(
  tx: Tx,
  run: RunHead,
  findings: readonly Finding[],
): Promise<TrackedBreaks> {
  const open = await tx
    .select({ id: reconciliationBreaks.id })
    .from(reconciliationBreaks)
    .where(
      and(eq(reconciliationBreaks.legalEntity, run.legalEntity), ne(reconciliationBreaks.status, 'resolved')),
    );
  const known = await lockRows(
    tx,
    reconciliationBreaks,
    open.map((row) => row.id),
  );
  const unresolved = known.filter((row) => row.status !== 'resolved');
  const former = await resolvedByHand(tx, run, findings);
  const plan = planBreaks(unresolved, former, findings, run);
  const opened = plan.opened.map((finding) => newBreak(run, finding));
  const seen = plan.seen.map(({ row, finding, reopens }) => seenAgain(run, row, finding, reopens));
  return { plan, opened, standing: [...seen, ...opened] };
}

/**
 * Writes what was decided; the run is there by now.
 * @effects rows of `reconciliation_breaks`; an alarm `reconciliation_break.opened` for each new one that
 *   calls somebody, one alarm `reconciliation_break.quiet` for all new quiet balances, each audited as
 *   `reconciliation_break.noticed`; audit `reconciliation_break.closed` for those that are gone
 */
export async function writeBreaks(tx: Tx, ctx: Ctx, run: RunHead, tracked: TrackedBreaks): Promise<void> {
  for (const { row, finding, reopens } of tracked.plan.seen) {
    const { amount, currency, detail, status, approvalId, lastRunId, lastSeenAt, version } = seenAgain(
      run,
      row,
      finding,
      reopens,
    );
    await tx
      .update(reconciliationBreaks)
      .set({ amount, currency, detail, status, approvalId, lastRunId, lastSeenAt, version })
      .where(eq(reconciliationBreaks.id, row.id));
  }
  if (tracked.opened.length > 0) {
    await tx.insert(reconciliationBreaks).values([...tracked.opened]);
  }
  await closeGone(tx, ctx, run, tracked.plan.gone);
  const reopened = tracked.plan.seen
    .filter(({ reopens }) => reopens)
    .map(({ row, finding }) => seenAgain(run, row, finding, true));
  await tellNew(tx, ctx, [...tracked.opened, ...reopened]);
}

/** What people resolved and what is nevertheless still there begins when it began. */
async function resolvedByHand(
  tx: Tx,
  run: RunHead,
  findings: readonly Finding[],
): Promise<readonly BreakRow[]> {
  const objects = [...new Set(findings.map((finding) => finding.object))];
  const rows =
    objects.length === 0
      ? []
      : await tx
          .select()
          .from(reconciliationBreaks)
          .where(
            and(
              eq(reconciliationBreaks.legalEntity, run.legalEntity),
              eq(reconciliationBreaks.status, 'resolved'),
              inArray(reconciliationBreaks.object, objects),
            ),
          )
          .orderBy(reconciliationBreaks.resolvedAt);
  // One that went away since begins anew, whatever was resolved before.
  const latest = new Map(rows.map((row) => [findingKey(row), row]));
  return [...latest.values()].filter((row) => row.resolution === 'by_hand');
}

function newBreak(run: RunHead, { firstSeenAt, ...finding }: BreakPlan['opened'][number]): BreakRow {
  return {
    id: newId(),
    ...finding,
    legalEntity: run.legalEntity,
    severity: SEVERITY[finding.kind],
    status: 'open',
    resolution: null,
    ownerId: null,
    approvalId: null,
    firstRunId: run.id,
    lastRunId: run.id,
    firstSeenAt: firstSeenAt ?? run.at,
    lastSeenAt: run.at,
    resolvedAt: null,
    version: 1,
  };
}

function seenAgain(run: RunHead, row: BreakRow, finding: Finding, reopens: boolean): BreakRow {
  const { amount, currency, detail } = finding;
  return {
    ...row,
    amount,
    currency,
    detail,
    status: reopens ? 'open' : row.status,
    approvalId: reopens ? null : row.approvalId,
    lastRunId: run.id,
    lastSeenAt: run.at,
    version: row.version + 1,
  };
}

async function closeGone(tx: Tx, ctx: Ctx, run: RunHead, gone: readonly BreakRow[]): Promise<void> {
  if (gone.length === 0) {
    return;
  }
  const rows = await tx
    .update(reconciliationBreaks)
    .set({
      status: 'resolved',
      resolution: 'gone',
      resolvedAt: run.at,
      version: sql`${reconciliationBreaks.version} + 1`,
    })
    .where(
      inArray(
        reconciliationBreaks.id,
        gone.map((row) => row.id),
      ),
    )
    .returning();
  const before = new Map(gone.map((row) => [row.id, row]));
  await recordMany(
    tx,
    ctx,
    rows.map((row) => changeOf('reconciliation_break.closed', row, before.get(row.id))),
  );
}

/** Each is told once, when it is new: not again by every run that still sees it. */
async function tellNew(tx: Tx, ctx: Ctx, rows: readonly BreakRow[]): Promise<void> {
  const alarms = rows.filter((row) => raisesAlarm(row.kind));
  for (const row of alarms.slice(0, MAX_ALARMS)) {
    await raiseAlarm(tx, ctx, changeOf('reconciliation_break.opened', row));
  }
  const further = alarms.slice(MAX_ALARMS).map((row) => changeOf('reconciliation_break.opened', row));
  const quiet = rows.filter((row) => !raisesAlarm(row.kind));
  await recordMany(tx, ctx, [
    ...further,
    ...quiet.map((row) => changeOf('reconciliation_break.noticed', row)),
  ]);
  if (quiet.length > 0) {
    const count = (kind: BreakRow['kind']) => quiet.filter((row) => row.kind === kind).length;
    await raiseAlarm(tx, ctx, {
      event: RECONCILIATION_EVENTS['reconciliation_break.quiet'],
      resource: { type: 'reconciliation', id: quiet[0]?.lastRunId ?? '' },
      subjectUserId: null,
      after: { dormantCount: count('dormant_balance'), unclaimedCount: count('unclaimed_balance') },
    });
  }
  if (further.length > 0) {
    await raiseAlarm(tx, ctx, {
      event: RECONCILIATION_EVENTS['reconciliation_break.flood'],
      resource: { type: 'reconciliation', id: alarms[0]?.lastRunId ?? '' },
      subjectUserId: null,
      after: { newBreakCount: alarms.length, alarms: MAX_ALARMS },
    });
  }
}

function changeOf(type: keyof typeof RECONCILIATION_EVENTS, after: BreakRow, before?: BreakRow): Change {
  return {
    event: RECONCILIATION_EVENTS[type],
    resource: { type: 'reconciliation_break', id: after.id },
    subjectUserId: null,
    ...(before === undefined ? {} : { before }),
    after,
  };
}
