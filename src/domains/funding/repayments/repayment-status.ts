import { eq } from 'drizzle-orm';
import { assert, present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { repayments } from '../work/schema.ts';
import { REPAYMENT_EVENTS } from './audit.ts';
import { repaymentOwner } from './repayment-owner.ts';
import { type RepaymentStatus, repaymentMayBecome } from './rules.ts';

export type Repayment = typeof repayments.$inferSelect;

type Change = { readonly status: RepaymentStatus } & Partial<
  Pick<Repayment, 'fileId' | 'payoutReportId' | 'paidLineId' | 'resolutionId' | 'transactionReference'>
>;

/**
 * Gives a locked repayment its next status; the one place that does.
 * @effects one row of `repayments`; audit `repayment.changed`, or `repayment.failed`
 */
export async function recordRepayment(
  tx: Tx,
  ctx: Ctx,
  before: Repayment,
  change: Change,
): Promise<Repayment> {
  assert(repaymentMayBecome(before.status, change.status), 'a repayment moves as its table says');
  const now = ctx.deps.clock.now();
  const completedAt = change.status === 'completed' ? now : null;
  const givenUpAt = change.status === 'given_up' ? now : null;
  const [row] = await tx
    .update(repayments)
    .set({ ...change, completedAt, givenUpAt, version: before.version + 1 })
    .where(eq(repayments.id, before.id))
    .returning();
  const after = present(row, 'the repayment was locked');
  await record(tx, ctx, {
    event: REPAYMENT_EVENTS[change.status === 'failed' ? 'repayment.failed' : 'repayment.changed'],
    resource: { type: 'repayment', id: after.id },
    subjectUserId: await ownerOf(tx, after),
    before,
    after,
  });
  return after;
}

/**
 * Says that a bank's debit is a locked repayment, which is paid with it if it was not known to be.
 * @effects as `recordRepayment`
 */
export async function completeByDebit(
  tx: Tx,
  ctx: Ctx,
  repayment: Repayment,
  debit: { readonly statementLineId: Id },
): Promise<void> {
  if (repayment.status !== 'completed') {
    await recordRepayment(tx, ctx, repayment, { status: 'completed', paidLineId: debit.statementLineId });
  }
}

/** The customer whose money goes back; null where it was nobody's. */
export async function ownerOf(tx: Tx, { id }: Pick<Repayment, 'id'>): Promise<Id | null> {
  const [found] = await tx.select({ owner: repaymentOwner }).from(repayments).where(eq(repayments.id, id));
  return found?.owner ?? null;
}
