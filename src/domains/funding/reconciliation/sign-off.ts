import { eq, sql } from 'drizzle-orm';
import { personOf, type Role } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction, ApprovedAction } from '../../../platform/approvals/actions.ts';
import { decideApproval } from '../../../platform/approvals/decide-approval.ts';
import { lockOpenApprovals } from '../../../platform/approvals/open-approvals.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { equalSecrets } from '../../../platform/crypto/keyring.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive, lockRows } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { getReconciliation } from '../../ledger/index.ts';
import { refuseFunding } from '../errors.ts';
import { RECONCILIATION_EVENTS } from './audit.ts';
import { type BreakView, breakViews, lastNotes } from './break-view.ts';
import { resultHashOf } from './result-hash.ts';
import { reconciliationBreaks, reconciliationRuns, reconciliationSignOffs } from './schema.ts';
import { findSignOff, hex, type RunRow, resultsOf } from './store.ts';

const SIGN = 'reconciliation.sign_off';

/** Who reviews what operations prepared. */
const REVIEWERS = ['operations', 'compliance_officer', 'mlro'] as const satisfies readonly Role[];

/**
 * The first person who signs prepares, the second reviews: the first call puts the run before another
 * person, and the same call by that person signs it. A run with a critical break that nobody explained is
 * not signed.
 * @effects a row of `approvals`, or of `reconciliation_sign_offs`; audit `approval.requested`, or
 *   `approval.executed` and `reconciliation.signed`
 * @errors not_found, reconciliation_without_position, reconciliation_signed, breaks_unexplained,
 *   reconciliation_changed, approval_pending_exists (one's own), and those of a vote
 */
export async function signOffReconciliation(
  ctx: Ctx,
  input: { readonly runId: Id; readonly reason: string },
): Promise<{ readonly approval: Approval } | { readonly signed: true }> {
  return transact(ctx, 'engine', async (tx) => {
    const within = { ...ctx, tx };
    const [pending] = await lockOpenApprovals(tx, input.runId);
    const run = await signable(tx, within, input.runId);
    if (pending !== undefined && pending.makerId !== personOf(ctx.actor)) {
      await decideApproval(within, { approvalId: pending.id, vote: 'approve', reason: input.reason });
      return { signed: true };
    }
    const approval = await requestApproval(tx, ctx, {
      action: SIGN,
      subjectType: 'reconciliation',
      subjectId: run.id,
      subjectUserId: null,
      payload: payloadOf(run),
      quorum: 1,
      checkerRoles: REVIEWERS,
      reason: input.reason,
    });
    return { approval };
  });
}

/** What the reviewer's vote does. */
export const reconciliationSigning: ApprovalAction = {
  action: SIGN,
  inRecovery: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const run = await signable(tx, ctx, approved.subjectId);
    if (canonicalJson(payloadOf(run)) !== canonicalJson(approved.payload as Json)) {
      throw refuseFunding('reconciliation_changed');
    }
    await sign(tx, ctx, run, approved);
  },
};

async function sign(tx: Tx, ctx: Ctx, run: RunRow, approved: ApprovedAction): Promise<void> {
  const signedAt = ctx.deps.clock.now();
  const rows = await breaksOf(tx, run);
  const signOff = {
    runId: run.id,
    approvalId: approved.approvalId,
    preparerId: approved.makerId,
    reviewerId: present(approved.checkerIds[0], 'an approval that is executed has its checker'),
    resultHash: run.resultHash,
    breaks: breakViews(rows, await lastNotes(tx, rows), signedAt, run.timeZone),
    signedAt,
  };
  await tx.insert(reconciliationSignOffs).values(signOff);
  await record(tx, ctx, {
    event: RECONCILIATION_EVENTS['reconciliation.signed'],
    resource: { type: 'reconciliation', id: run.id },
    subjectUserId: null,
    after: { ...signOff, legalEntity: run.legalEntity, businessDate: run.businessDate },
  });
}

/** The run, if what is stored is what it found and nothing critical is open. */
async function signable(tx: Tx, ctx: Ctx, runId: Id): Promise<RunRow> {
  const { checks } = await getReconciliation(ctx, runId);
  const [run] = await tx.select().from(reconciliationRuns).where(eq(reconciliationRuns.id, runId));
  if (run === undefined) {
    throw refuseFunding('reconciliation_without_position');
  }
  await lockExclusive(tx, [`reconciliation:${run.legalEntity}`]);
  if ((await findSignOff(tx, runId)) !== undefined) {
    throw refuseFunding('reconciliation_signed');
  }
  if (!equalSecrets(resultHashOf({ ...run, checks }), run.resultHash)) {
    throw refuseFunding('reconciliation_changed');
  }
  await refusePostedSince(tx, run);
  const open = (await breaksOf(tx, run)).filter(
    (row) => row.severity === 'critical' && row.status === 'open',
  );
  if (open.length > 0) {
    throw refuseFunding('breaks_unexplained', { detail: `${open.length} critical breaks are open` });
  }
  return run;
}

/**
 * What people posted into the day since, what was undone with a statement it had counted, and a report it had counted
 * that was given up, nobody saw who would sign it: it is run anew.
 * @errors reconciliation_changed
 */
async function refusePostedSince(tx: Tx, run: RunRow): Promise<void> {
  const { businessDate, completedAt } = run;
  const { statements = [], custodyReports = [] } = resultsOf(run);
  const [gone] = await tx.execute<{ file: string }>(sql`
    select 'Statement ' || id as file from bank_statements
      where id = any (${sql.param([...statements])}::uuid[]) and standing <> 'confirmed'
    union all select 'Custody report ' || id from custody_reports
      where id = any (${sql.param([...custodyReports])}::uuid[]) and standing <> 'confirmed'
    limit 1`);
  if (gone !== undefined) {
    throw refuseFunding('reconciliation_changed', { detail: `${gone.file} was given up since.` });
  }
  const [late] = await tx.execute<{ id: Id }>(sql`
    select id from journals
    where booked_at >= ${completedAt}::timestamptz and book = 'live' and value_date <= ${businessDate}
      and (approval_id is not null or (kind = 'reversal' and reference_type = 'bank_statement_line'))
    limit 1`);
  if (late !== undefined) {
    throw refuseFunding('reconciliation_changed', {
      detail: `Journal ${late.id} was posted into the day since.`,
    });
  }
}

/** The breaks the run saw, as they stand now. */
async function breaksOf(tx: Tx, run: RunRow) {
  const ids = resultsOf(run).breaks.map((each: BreakView) => each.id);
  return lockRows(tx, reconciliationBreaks, ids);
}

/** What both sign. A break that went away meanwhile does not change it; one that is open refuses. */
function payloadOf(run: RunRow): { readonly [key: string]: Json } {
  const { id: runId, legalEntity, businessDate } = run;
  return { runId, legalEntity, businessDate, resultHash: hex(run.resultHash) };
}
