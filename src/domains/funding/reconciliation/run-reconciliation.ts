import { sql } from 'drizzle-orm';
import { actorIdOf } from '../../../kernel/actor.ts';
import { amountOf, formatAmount } from '../../../kernel/amount.ts';
import { addDays, dayOf, endOfDay } from '../../../kernel/business-date.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { addMs } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type CheckReport, keepReport, keptChecks, runChecks } from '../../ledger/index.ts';
import { bookStatements } from '../book-statement.ts';
import { refuseFunding } from '../errors.ts';
import { RECONCILIATION_EVENTS } from './audit.ts';
import { type BankView, bankSection } from './bank-section.ts';
import { type BreakView, breakViews, lastNotes } from './break-view.ts';
import { type HouseWalletView, type Position, positionFindings, readPositions } from './client-money.ts';
import { type CustodyView, custodySection } from './custody-section.ts';
import type { Finding } from './finding.ts';
import { type TransitView, transitSection } from './in-transit-section.ts';
import { openWorkFindings } from './open-work-section.ts';
import { type QuietSection, quietSection } from './quiet-section.ts';
import { resultHashOf } from './result-hash.ts';
import { clientMoneyPositions, reconciliationRuns } from './schema.ts';
import { FIGURES, MAX_KEPT, OPEN_WORK_DAYS, type ReportFigures, SIGN_OFF_DAYS } from './settings.ts';
import { trackBreaks, writeBreaks } from './track-breaks.ts';

/** What a run keeps beside the internal checks and the positions. */
export type RunResults = {
  /** How its report is laid out: what was signed keeps its bytes. Runs of before have none. */
  readonly layout?: typeof REPORT_LAYOUT;
  /** The figures it went by, which its report states; runs of before have none. */
  readonly figures?: ReportFigures;
  readonly cutAt: Instant;
  readonly banks: readonly BankView[];
  /** The firm's own money, which is in no position of clients'; runs of before it was compared have none. */
  readonly firmAccounts?: readonly BankView[];
  /** The last statement of each bank account that it counted; runs of before have none. */
  readonly statements?: readonly Id[];
  readonly custody: readonly CustodyView[];
  readonly firmCustody?: readonly CustodyView[];
  /** The report of each custodian that it counted; runs of before have none. */
  readonly custodyReports?: readonly Id[];
  /** Runs of before it was itemised have none. */
  readonly inTransit?: readonly TransitView[];
  readonly positions: readonly PositionView[];
  /** The wallets of the house that the positions are made of; runs of before have none. */
  readonly houseWallets?: { readonly count: number; readonly views: readonly HouseWalletView[] };
  readonly quiet: Pick<QuietSection, 'counts' | 'views'>;
  readonly breaks: readonly BreakView[];
};

export type PositionView = { readonly legalEntity: string; readonly asset: string } & Readonly<
  Record<Exclude<keyof Position, 'asset' | 'scale' | 'inTransitOverdue'>, string>
> & {
    /** Runs of before it was itemised have none. */
    readonly inTransitOverdue?: string;
  };

/** The report names the files it compared, says why a break was explained, and numbers its pages. */
const REPORT_LAYOUT = 2;

const DAY_MS = 86_400_000;

type Snapshot = {
  readonly reports: readonly CheckReport[];
  readonly banks: readonly BankView[];
  readonly firmAccounts: readonly BankView[];
  readonly statements: readonly Id[];
  readonly custody: readonly CustodyView[];
  readonly firmCustody: readonly CustodyView[];
  readonly custodyReports: readonly Id[];
  readonly inTransit: readonly TransitView[];
  readonly positions: readonly Position[];
  readonly houseWallets: readonly HouseWalletView[];
  readonly quiet: QuietSection;
  readonly findings: readonly Finding[];
};

/**
 * Compares the books with themselves, with the banks, with the custodians and with what clients are owed, on
 * one snapshot, and keeps what it found for good. Yesterday unless a day is named. What confirmed statements leave to
 * be booked is booked first.
 * @units businessDate: YYYY-MM-DD in the firm's time zone
 * @effects those of `bookStatements`; rows of `reconciliations`, `reconciliation_runs`, `client_money_positions`, and what `writeBreaks`
 *   does; audit `reconciliation.completed` or `reconciliation.broken`, and `reconciliation.run`
 * @errors business_date_in_future
 */
export async function runReconciliation(
  ctx: Ctx,
  input: { readonly businessDate?: string | undefined } = {},
): Promise<{ readonly id: Id }> {
  const { clock, timeZone, firmName: legalEntity } = ctx.deps;
  const today = dayOf(clock.now(), timeZone);
  const day = input.businessDate ?? addDays(today, -1);
  if (day > today) {
    throw refuseFunding('business_date_in_future');
  }
  await bookFirst(ctx);
  const startedAt = clock.realNow();
  const lookedAt = await lookingFrom(ctx, legalEntity);
  const cutAt = endOfDay(day, timeZone);
  const snapshot = await takeSnapshot(ctx, { day, cutAt, legalEntity, timeZone });
  return transact(ctx, 'engine', async (tx) => {
    // One run at a time: the second must see the breaks of the first.
    await lockExclusive(tx, [`reconciliation:${legalEntity}`]);
    const at = clock.now();
    const further = snapshot.findings.filter((finding) => finding.kind !== 'internal_check').length;
    const { id } = await keepReport(tx, ctx, {
      startedAt,
      reports: snapshot.reports,
      furtherBreaks: further,
    });
    const head = { id, legalEntity, at, isLatest: await isLatest(tx, legalEntity, { day, startedAt }) };
    const tracked = await trackBreaks(tx, head, snapshot.findings);
    const breaks = breakViews(tracked.standing, await lastNotes(tx, tracked.standing), at, timeZone);
    const positions = snapshot.positions.map((position) => positionView(legalEntity, position));
    const results: RunResults = { ...keptOf(snapshot), cutAt, positions, breaks };
    const checks = keptChecks(snapshot.reports);
    const run = { id, legalEntity, businessDate: day, timeZone, checks, results };
    await tx.insert(reconciliationRuns).values({
      id,
      legalEntity,
      businessDate: day,
      timeZone,
      requestedBy: actorIdOf(ctx.actor),
      results,
      resultHash: resultHashOf(run),
      ...(await checkpointOf(tx)),
      completedAt: lookedAt,
    });
    await keepPositions(tx, id, legalEntity, snapshot.positions);
    await writeBreaks(tx, ctx, head, tracked);
    await record(tx, ctx, {
      event: RECONCILIATION_EVENTS['reconciliation.run'],
      resource: { type: 'reconciliation', id },
      subjectUserId: null,
      after: {
        legalEntity,
        businessDate: day,
        breakCount: tracked.standing.length,
        newBreakCount: tracked.opened.length,
        closedBreakCount: tracked.plan.gone.length,
        shortfalls: positions.filter((each) => each.shortfall !== '0').map((each) => each.asset),
      },
    });
    return { id };
  });
}

function keptOf(snapshot: Snapshot): Omit<RunResults, 'cutAt' | 'positions' | 'breaks'> {
  const { banks, firmAccounts, statements, custody, firmCustody, custodyReports, inTransit } = snapshot;
  const { counts, views } = snapshot.quiet;
  const houseWallets = {
    count: snapshot.houseWallets.length,
    views: snapshot.houseWallets.slice(0, MAX_KEPT),
  };
  const sides = { banks, firmAccounts, statements, custody, firmCustody, custodyReports, inTransit };
  return { ...sides, houseWallets, quiet: { counts, views }, layout: REPORT_LAYOUT, figures: FIGURES };
}

/**
 * From when on the run sees nothing more. Whoever posts by hand or gives up a statement holds the lock until that is
 * written, so that what has an earlier instant is on the snapshot, and what is not has a later one.
 */
function lookingFrom(ctx: Ctx, legalEntity: string): Promise<Instant> {
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [`reconciliation:${legalEntity}`]);
    return ctx.deps.clock.now();
  });
}

/** What cannot be booked keeps no day from being looked at: the run finds it as a line nobody booked. */
async function bookFirst(ctx: Ctx): Promise<void> {
  await bookStatements(ctx).catch((error: unknown) => {
    const failure = error instanceof Error ? error.name : 'unknown';
    ctx.deps.log.error({ failure }, 'lines of bank statements are not booked yet');
  });
}

type Looking = {
  readonly day: string;
  readonly cutAt: Instant;
  readonly legalEntity: string;
  readonly timeZone: string;
};

function takeSnapshot(ctx: Ctx, run: Looking): Promise<Snapshot> {
  return ctx.deps.db.engine.transaction((tx) => look(tx, ctx, run), {
    isolationLevel: 'repeatable read',
    accessMode: 'read only',
  });
}

async function look(tx: Tx, ctx: Ctx, run: Looking): Promise<Snapshot> {
  const { day, cutAt, legalEntity, timeZone } = run;
  const reports = await runChecks(tx, ctx.deps.checks);
  const banks = await bankSection(tx, ctx, 'client_money_bank', day);
  const firm = await bankSection(tx, ctx, 'firm_account', day);
  const custody = await custodySection(tx, 'custody', { legalEntity, day });
  const units = await custodySection(tx, 'firm_account', { legalEntity, day });
  const inTransit = await transitSection(tx, { day, until: cutAt, timeZone });
  const { positions, houseWallets } = await readPositions(tx, cutAt, inTransit.missing);
  const quiet = await quietSection(tx, { day, until: cutAt, timeZone });
  const now = ctx.deps.clock.now();
  const findings = [
    ...reports.flatMap(internalFindings),
    ...banks.findings,
    ...firm.findings,
    ...custody.findings,
    ...units.findings,
    ...inTransit.findings,
    ...positions.flatMap(positionFindings),
    ...quiet.findings,
    ...(await openWorkFindings(tx, { before: addMs(now, -OPEN_WORK_DAYS * DAY_MS), timeZone })),
    ...(await missedDays(tx, { legalEntity, timeZone, day, today: dayOf(now, timeZone) })),
    ...(await overdueSignOffs(tx, legalEntity, addMs(now, -SIGN_OFF_DAYS * DAY_MS))),
  ];
  return {
    reports,
    banks: banks.views,
    firmAccounts: firm.views,
    statements: [...banks.statements, ...firm.statements],
    custody: custody.views,
    firmCustody: units.views,
    custodyReports: [...custody.reports, ...units.reports],
    inTransit: inTransit.views,
    positions,
    houseWallets,
    quiet,
    findings,
  };
}

function internalFindings({ name, breaks }: CheckReport): readonly Finding[] {
  return breaks.slice(0, MAX_KEPT).map(({ object, detail }) => ({
    kind: 'internal_check',
    object: `${name}: ${object}`,
    amount: null,
    currency: null,
    detail,
  }));
}

/** Days that were reconciled and that nobody signed, once their oldest run has waited too long. */
async function overdueSignOffs(tx: Tx, legalEntity: string, before: Instant): Promise<readonly Finding[]> {
  const rows = await tx.execute<{ day: string }>(sql`
    select r.business_date as day from reconciliation_runs r
      left join reconciliation_sign_offs s on s.run_id = r.id
    where r.legal_entity = ${legalEntity}
    group by r.business_date having count(s.run_id) = 0 and min(r.completed_at) < ${before}
    order by r.business_date`);
  return rows.map(({ day }) => ({
    kind: 'sign_off_overdue',
    object: `business date ${day}`,
    amount: null,
    currency: null,
    detail: `Nobody signed the reconciliation of ${day}`,
  }));
}

/**
 * Days since the firm first reconciled that no run is about, once their own morning has passed: a day nobody
 * looked at is one nobody signed.
 */
async function missedDays(
  tx: Tx,
  at: {
    readonly legalEntity: string;
    readonly timeZone: string;
    readonly day: string;
    readonly today: string;
  },
): Promise<readonly Finding[]> {
  const { legalEntity, timeZone, day: runsNow, today } = at;
  const rows = await tx.execute<{ day: string }>(sql`
    select to_char(d, 'YYYY-MM-DD') as day from generate_series((
        select min((completed_at at time zone ${timeZone})::date) from reconciliation_runs
        where legal_entity = ${legalEntity})::timestamp, ${addDays(today, -2)}::timestamp, interval '1 day') d
    where to_char(d, 'YYYY-MM-DD') <> ${runsNow} and not exists (
      select 1 from reconciliation_runs r
      where r.legal_entity = ${legalEntity} and r.business_date = to_char(d, 'YYYY-MM-DD'))
    order by d`);
  return rows.map(({ day }) => ({
    kind: 'sign_off_overdue',
    object: `business date ${day}`,
    amount: null,
    currency: null,
    detail: `The books of ${day} were never reconciled`,
  }));
}

/** Whether no other run is about a later day or looked at the books later than this one. */
async function isLatest(
  tx: Tx,
  legalEntity: string,
  { day, startedAt }: { readonly day: string; readonly startedAt: Instant },
): Promise<boolean> {
  const rows = await tx.execute(sql`
    select 1 from reconciliation_runs r join reconciliations c on c.id = r.id
    where r.legal_entity = ${legalEntity} and (r.business_date > ${day} or c.started_at > ${startedAt}) limit 1`);
  return rows.length === 0;
}

async function checkpointOf(tx: Tx) {
  const [row] = await tx.execute<{ size: string; root: string }>(sql`
    select tree_size::text as size, encode(root_hash, 'hex') as root from audit_checkpoints
    order by tree_size desc limit 1`);
  return { logTreeSize: row?.size ?? null, logRootHash: row?.root ?? null };
}

async function keepPositions(
  tx: Tx,
  runId: Id,
  legalEntity: string,
  positions: readonly Position[],
): Promise<void> {
  if (positions.length > 0) {
    await tx
      .insert(clientMoneyPositions)
      .values(positions.map(({ scale: _scale, ...sums }) => ({ ...sums, id: newId(), runId, legalEntity })));
  }
}

function positionView(legalEntity: string, { asset, scale: _scale, ...sums }: Position): PositionView {
  const told = Object.entries(sums).map(([name, sum]) => [name, formatAmount(amountOf(sum))]);
  return { legalEntity, asset, ...Object.fromEntries(told) };
}
