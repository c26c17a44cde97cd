import { eq } from 'drizzle-orm';
import type { Role } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { dayOf } from '../../../kernel/business-date.ts';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { RECOVERY_EVENTS } from '../../../platform/recovery/audit.ts';
import { lockOpenRecovery, type Recovery } from '../../../platform/recovery/mode.ts';
import { recoveries } from '../../../platform/recovery/schema.ts';
import { countFilesAsFetched } from '../payouts/count-as-fetched.ts';
import { reconciliationRuns } from '../reconciliation/schema.ts';
import { findSignOff, hex, type RunRow, resultsOf } from '../reconciliation/store.ts';
import { refuseRecovery } from './errors.ts';

const END = 'recovery.end';

/** Who asks for the end of a recovery, and who decides: neither is the preparer alone. */
const ENDERS = ['compliance_officer', 'mlro'] as const satisfies readonly Role[];

/** What no run may report if it is to say that the world outside agrees. */
const NOT_COMPARED: ReadonlySet<string> = new Set([
  'statement_missing',
  'custody_report_missing',
  'bank_account_missing',
]);

/**
 * Puts the end of the recovery before another person, on a reconciliation that two people signed.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_in_recovery, not_found, log_not_settled, and those of the reconciliation
 */
export async function requestEndOfRecovery(
  ctx: Ctx,
  input: { readonly reconciliationId: Id; readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'engine', async (tx) => {
    const recovery = await requireOpen(tx);
    const run = await requireProof(tx, ctx, recovery, input.reconciliationId);
    return requestApproval(tx, ctx, {
      action: END,
      subjectType: 'recovery',
      subjectId: recovery.id,
      subjectUserId: null,
      payload: payloadOf(recovery, run),
      quorum: 1,
      checkerRoles: ENDERS,
      reason: input.reason,
    });
  });
}

/** What the checker's vote does: every node begins to move again within a second. */
export const recoveryEnding: ApprovalAction = {
  action: END,
  inRecovery: true,
  execute: async (ctx, { approvalId, payload }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const recovery = await requireOpen(tx);
    const { reconciliationId } = payload as unknown as { readonly reconciliationId: Id };
    const run = await requireProof(tx, ctx, recovery, reconciliationId);
    if (canonicalJson(payloadOf(recovery, run)) !== canonicalJson(payload as Json)) {
      throw refuseRecovery('recovery_changed');
    }
    // What came back may have lost who fetched a file, also where no start looked for it: no file is paid anew for that.
    await countFilesAsFetched({ ...ctx, tx });
    const [ended] = await tx
      .update(recoveries)
      .set({ reconciliationId, approvalId, endedAt: ctx.deps.clock.realNow() })
      .where(eq(recoveries.id, recovery.id))
      .returning();
    await record(tx, ctx, {
      event: RECOVERY_EVENTS['recovery.ended'],
      resource: { type: 'recovery', id: recovery.id },
      subjectUserId: null,
      before: recovery,
      after: present(ended, 'the recovery was locked'),
    });
  },
};

/** The open recovery, locked. @errors not_in_recovery */
export async function requireOpen(tx: Tx): Promise<Recovery> {
  const recovery = await lockOpenRecovery(tx);
  if (recovery === undefined) {
    throw refuseRecovery('not_in_recovery');
  }
  return recovery;
}

/**
 * A run that began after the recovery did, is of that day or later, compared every bank account and
 * custodian, and is signed.
 */
async function requireProof(tx: Tx, ctx: Ctx, recovery: Recovery, runId: Id): Promise<RunRow> {
  if (recovery.logSettledAt === null) {
    throw refuseRecovery('log_not_settled');
  }
  const [run] = await tx.select().from(reconciliationRuns).where(eq(reconciliationRuns.id, runId));
  if (run === undefined) {
    throw refuse('not_found');
  }
  // What left on the day it broke is on no earlier day's statement.
  const firstDay = dayOf(recovery.startedAt, ctx.deps.timeZone);
  if (run.completedAt < recovery.startedAt || run.businessDate < firstDay) {
    throw refuseRecovery('reconciliation_too_old', { detail: `It must be of ${firstDay} or later` });
  }
  const { banks, custody, breaks } = resultsOf(run);
  const missing = breaks.filter(({ kind }) => NOT_COMPARED.has(kind)).map(({ object }) => object);
  const blind = [
    ...banks.filter(({ statementDate }) => statementDate === null).map(({ reference }) => reference),
    ...custody.filter(({ asOf }) => asOf === null).map(({ custodian }) => custodian),
  ];
  if (missing.length > 0 || blind.length > 0) {
    const named = [...new Set([...missing, ...blind])].slice(0, 10).join(', ');
    throw refuseRecovery('reconciliation_incomplete', { detail: `Not compared: ${named}` });
  }
  if ((await findSignOff(tx, runId)) === undefined) {
    throw refuseRecovery('reconciliation_unsigned');
  }
  return run;
}

function payloadOf(recovery: Recovery, run: RunRow): { readonly [key: string]: Json } {
  return {
    recoveryId: recovery.id,
    reconciliationId: run.id,
    businessDate: run.businessDate,
    resultHash: hex(run.resultHash),
    logSettledAt: recovery.logSettledAt,
    logOrigin: recovery.logOrigin,
  };
}
