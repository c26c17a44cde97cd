/** What the bank said against a settled payout: critical work, which a person ends once they know what is true. */
import { and, eq, sql } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { PageRequest } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseSelfAction } from '../../identity/index.ts';
import { FUNDING_EVENTS } from '../audit.ts';
import { refuseFunding } from '../errors.ts';
import { matching, newestFirst } from '../newest-first.ts';
import { isRepayment, ownersOf, type Payment } from '../payout-file.ts';
import type { PaymentOutcome } from '../providers/payout-provider.ts';
import { repaymentOwner } from '../repayments/repayment-owner.ts';
import { payoutReports, withdrawals } from '../schema.ts';
import { payoutConflicts, repayments } from '../work/schema.ts';

export type PayoutConflict = typeof payoutConflicts.$inferSelect;

/**
 * Keeps a contradiction of a locked payment as critical work. One that waits already is not opened twice.
 * @effects one row of `payout_conflicts`; the alarm `payout_report.contradicts`
 */
export async function openConflict(
  tx: Tx,
  ctx: Ctx,
  row: Payment,
  answer: { readonly reportId: Id; readonly outcome: PaymentOutcome },
): Promise<void> {
  const [conflict] = await tx
    .insert(payoutConflicts)
    .values({
      id: newId(),
      reportId: answer.reportId,
      ...(isRepayment(row) ? { repaymentId: row.id } : { withdrawalId: row.id }),
      said: answer.outcome,
      stood: row.status,
      status: 'open',
      createdAt: ctx.deps.clock.now(),
    })
    .onConflictDoNothing()
    .returning();
  if (conflict !== undefined) {
    const [owner = null] = await ownersOf(tx, [row]);
    await raiseAlarm(tx, ctx, {
      event: FUNDING_EVENTS['payout_report.contradicts'],
      resource: { type: 'payout_conflict', id: conflict.id },
      subjectUserId: owner,
      after: conflict,
    });
  }
}

export type ConflictQuery = PageRequest & {
  readonly status?: PayoutConflict['status'] | undefined;
  readonly withdrawalId?: Id | undefined;
};

/** Contradictions, newest first. @errors invalid_cursor */
export async function listPayoutConflicts(ctx: Ctx, query: ConflictQuery): Promise<Page<PayoutConflict>> {
  const { limit, cursor, ...filters } = query;
  const listing = { name: 'payout conflicts', id: payoutConflicts.id, filters };
  return newestFirst(ctx, { limit, cursor }, listing, (tx, behind, order, count) =>
    tx
      .select()
      .from(payoutConflicts)
      .where(
        and(
          matching(payoutConflicts.status, filters.status),
          matching(payoutConflicts.withdrawalId, filters.withdrawalId),
          behind,
        ),
      )
      .orderBy(order)
      .limit(count),
  );
}

/**
 * Ends the work on a contradiction. Nothing moves by it: what is wrong is put right by its own operations. Who brought
 * the report does not end it, so that two people saw what the bank said.
 * @effects the conflict's row; audit `payout_conflict.closed`
 * @errors not_found, self_action, report_needs_another_person, conflict_closed
 */
export async function closePayoutConflict(
  ctx: Ctx,
  input: { readonly id: Id; readonly reason: string },
): Promise<PayoutConflict> {
  return transact(ctx, 'engine', async (tx) => {
    const before = await lockRow(tx, payoutConflicts, input.id);
    if (before === undefined) {
      throw refuse('not_found');
    }
    const closedBy = present(personOf(ctx.actor), 'work is ended by a person');
    const [about] = await tx
      .select({
        userId: sql<Id | null>`coalesce(${withdrawals.userId}, ${repaymentOwner})`,
        importedBy: payoutReports.importedBy,
      })
      .from(payoutConflicts)
      .leftJoin(withdrawals, eq(withdrawals.id, payoutConflicts.withdrawalId))
      .leftJoin(repayments, eq(repayments.id, payoutConflicts.repaymentId))
      .innerJoin(payoutReports, eq(payoutReports.id, payoutConflicts.reportId))
      .where(eq(payoutConflicts.id, before.id));
    const { userId, importedBy } = present(about, 'a conflict has its report and payment');
    if (userId !== null) {
      refuseSelfAction(ctx, userId);
    }
    if (importedBy === closedBy) {
      throw refuseFunding('report_needs_another_person');
    }
    if (before.status !== 'open') {
      throw refuseFunding('conflict_closed');
    }
    const [row] = await tx
      .update(payoutConflicts)
      .set({ status: 'closed', closedBy, closedAt: ctx.deps.clock.now(), version: before.version + 1 })
      .where(eq(payoutConflicts.id, before.id))
      .returning();
    const after = present(row, 'the conflict was locked');
    await record(tx, ctx, {
      event: FUNDING_EVENTS['payout_conflict.closed'],
      resource: { type: 'payout_conflict', id: after.id },
      subjectUserId: userId,
      before,
      after: { ...after, note: input.reason },
    });
    return after;
  });
}
