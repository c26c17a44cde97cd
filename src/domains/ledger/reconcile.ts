import { sql } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { raiseAlarm } from '../../platform/alarms/raise-alarm.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import type { Break, Check } from '../../platform/domain.ts';
import { LEDGER_EVENTS } from './audit.ts';
import { reconciliations } from './schema.ts';

export type CheckReport = {
  readonly name: string;
  readonly invariant: string;
  readonly seen: number;
  readonly breaks: readonly Break[];
};

export type ReconcileReport = {
  readonly id: Id;
  readonly status: 'clean' | 'breaks';
  readonly breakCount: number;
  readonly checks: readonly CheckReport[];
};

const MAX_KEPT_BREAKS = 100;

/**
 * Runs every domain's checks on one snapshot and keeps the report. The first check compares what
 * this login can see with the catalogue's own count: a login that sees nothing is a break.
 * @effects those of `keepReport`; breaks raise the alarm `reconciliation.broken`
 */
export async function reconcile(ctx: Ctx, checks: readonly Check[]): Promise<ReconcileReport> {
  const startedAt = ctx.deps.clock.realNow();
  const reports = await ctx.deps.db.engine.transaction((tx) => runChecks(tx, checks), {
    isolationLevel: 'repeatable read',
    accessMode: 'read only',
  });
  return keepAndCall(ctx, { startedAt, reports, furtherBreaks: 0 });
}

/**
 * Keeps what was found by whoever tracks no breaks of their own: then nobody else calls anybody.
 * @effects those of `keepReport`; breaks raise the alarm `reconciliation.broken`
 */
export async function keepAndCall(ctx: Ctx, found: Found): Promise<ReconcileReport> {
  return transact(ctx, 'engine', (tx) => keepReport(tx, ctx, found, raiseAlarm));
}

/** What every check finds, in the caller's transaction: a snapshot, or its answers do not fit together. */
export async function runChecks(tx: Tx, checks: readonly Check[]): Promise<readonly CheckReport[]> {
  const found: CheckReport[] = [await visibility(tx)];
  for (const check of checks) {
    const { name, invariant } = check;
    found.push({ name, invariant, ...(await check.run(tx)) });
  }
  return found;
}

type Found = {
  readonly startedAt: Instant;
  readonly reports: readonly CheckReport[];
  readonly furtherBreaks: number;
};

/**
 * Keeps what the checks found. `furtherBreaks` are those that whoever runs them found beyond the books; who tells of
 * each break by itself leaves `tell` alone.
 * @effects one row of `reconciliations`; audit `reconciliation.completed` or `reconciliation.broken`
 */
export async function keepReport(
  tx: Tx,
  ctx: Ctx,
  found: Found,
  tell: typeof raiseAlarm = record,
): Promise<ReconcileReport> {
  const breakCount = found.reports.reduce((sum, { breaks }) => sum + breaks.length, found.furtherBreaks);
  const status = breakCount === 0 ? 'clean' : 'breaks';
  const report: ReconcileReport = { id: newId(), status, breakCount, checks: found.reports };
  await tx.insert(reconciliations).values({
    id: report.id,
    status,
    breakCount,
    checks: keptChecks(found.reports),
    startedAt: found.startedAt,
    completedAt: ctx.deps.clock.realNow(),
  });
  const about = {
    resource: { type: 'reconciliation', id: report.id },
    subjectUserId: null,
    after: report,
  };
  if (breakCount === 0) {
    await record(tx, ctx, { ...about, event: LEDGER_EVENTS['reconciliation.completed'] });
  } else {
    await tell(tx, ctx, { ...about, event: LEDGER_EVENTS['reconciliation.broken'] });
  }
  return report;
}

/** The checks as they are kept: a check that found very much keeps the first of it. */
export function keptChecks(reports: readonly CheckReport[]): readonly CheckReport[] {
  return reports.map((check) => ({ ...check, breaks: check.breaks.slice(0, MAX_KEPT_BREAKS) }));
}

/**
 * Row-level security can hide everything without an error. Whether it does is asked of the catalogue:
 * the login must have a policy that shows it every row of each money table.
 */
async function visibility(tx: Tx): Promise<CheckReport> {
  const rows = await tx.execute<{ name: string; open: boolean }>(sql`
    select t.name, exists (
      select 1 from pg_policies p where p.schemaname = 'public' and p.tablename = t.name
        and current_user = any (p.roles) and p.qual = 'true' and p.cmd in ('ALL', 'SELECT')
    ) or not c.relrowsecurity as open
    from unnest(array['wallets', 'journals', 'ledger_entries', 'holds', 'lots', 'orders', 'fills', 'deposits',
      'withdrawals']) as t (name) join pg_class c on c.oid = ('public.' || t.name)::regclass`);
  return {
    name: 'ledger.everything_is_visible',
    invariant: 'I12',
    seen: rows.length,
    breaks: rows
      .filter((row) => !row.open)
      .map((row) => ({
        object: `table ${row.name}`,
        detail: 'the reconciling login does not see every row',
      })),
  };
}
