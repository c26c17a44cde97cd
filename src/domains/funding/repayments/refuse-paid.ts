import { and, eq, ne, sql } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { refuseFunding } from '../errors.ts';
import { payoutReports } from '../schema.ts';
import { refuseIfDebited } from '../statement-debits.ts';
import { payoutConflicts } from '../work/schema.ts';
import type { Repayment } from './repayment-status.ts';

/** What two people say became of a repayment, or becomes of it. */
export const RESOLVE_REPAYMENT = 'repayment.resolve';

/**
 * Who says that a repayment was not paid: the bank, whose last report on it nobody had to read for it. Where the bank
 * refused nothing there is nothing that it could have charged for, so that what people call its charge may be the
 * payment less a fee.
 */
export async function whoRefused(tx: Tx, row: Repayment): Promise<'bank' | 'people'> {
  if (row.payoutReportId === null) {
    return 'people';
  }
  // What the bank left open of a file and people said had failed, they said.
  const [said] = await tx
    .select({ id: approvals.id })
    .from(approvals)
    .innerJoin(payoutReports, eq(payoutReports.id, row.payoutReportId))
    .where(
      and(
        eq(approvals.action, RESOLVE_REPAYMENT),
        eq(approvals.subjectId, row.id),
        eq(approvals.status, 'executed'),
        sql`${approvals.payload} ->> 'outcome' = 'failed'`,
        sql`${approvals.payload} ->> 'fileId' = ${payoutReports.fileId}::text`,
      ),
    )
    .limit(1);
  return said === undefined ? 'bank' : 'people';
}

/**
 * Refuses what is done with a repayment that the bank shows as paid, or says so and nobody ended that contradiction yet.
 * @shape what the bank said against a refusal of it, each ended
 * @errors payout_on_statement, payout_may_leave
 */
export async function refuseShownPaid(
  tx: Tx,
  row: Repayment,
): Promise<readonly { readonly closedBy: Id | null }[]> {
  await refuseIfDebited(tx, row, await whoRefused(tx, row));
  const { said, status, closedBy, repaymentId } = payoutConflicts;
  const conflicts = await tx
    .select({ said, status, closedBy })
    .from(payoutConflicts)
    .where(and(eq(repaymentId, row.id), ne(said, 'failed')));
  const open = conflicts.find((each) => each.status === 'open');
  if (open !== undefined) {
    const detail = `Of repayment ${row.id} the bank says ${open.said}: end that contradiction first.`;
    throw refuseFunding('payout_may_leave', { detail });
  }
  return conflicts;
}

/**
 * Keeps locked repayments out of a file, and their file from being handed out, that the bank shows as paid: a debit
 * bears the reference, which stays the same over every try, or a report says otherwise than that it failed and nobody
 * ended that contradiction yet. Whoever ended it does not pay: against the bank's word it takes two people.
 * @errors payout_on_statement, payout_may_leave, approver_cannot_pay_out
 */
export async function refusePaid(tx: Tx, ctx: Ctx, locked: readonly Repayment[]): Promise<void> {
  const payer = personOf(ctx.actor);
  for (const row of locked) {
    const conflicts = await refuseShownPaid(tx, row);
    if (conflicts.some((each) => each.closedBy === payer)) {
      const detail = `Who ended what the bank said of repayment ${row.id} does not pay it again.`;
      throw refuseFunding('approver_cannot_pay_out', { detail });
    }
  }
}
