import { and, eq, or, sql } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { readRefused } from './camt-053.ts';
import { bankStatementLines, bankStatements } from './evidence/schema.ts';
import { repaymentOwner } from './repayments/repayment-owner.ts';
import { ownerOf } from './repayments/repayment-status.ts';
import { deposits, withdrawals } from './schema.ts';
import { repayments } from './work/schema.ts';

/** Staff are customers too: what others told of their own money they read as customers. @errors self_action */
export async function refuseOwnDeposit(tx: Tx, ctx: Ctx, depositId: Id | null): Promise<void> {
  if (depositId === null) {
    return;
  }
  const [deposit] = await tx
    .select({ userId: deposits.userId })
    .from(deposits)
    .where(eq(deposits.id, depositId));
  if (deposit !== undefined) {
    refuseSelfAction(ctx, deposit.userId);
  }
}

/** The same for a payout. @errors self_action */
export async function refuseOwnPayout(tx: Tx, ctx: Ctx, withdrawalId: Id | null): Promise<void> {
  if (withdrawalId === null) {
    return;
  }
  const [withdrawal] = await tx
    .select({ userId: withdrawals.userId })
    .from(withdrawals)
    .where(eq(withdrawals.id, withdrawalId));
  if (withdrawal !== undefined) {
    refuseSelfAction(ctx, withdrawal.userId);
  }
}

/** The same for money that goes back. @errors self_action */
export async function refuseOwnRepayment(tx: Tx, ctx: Ctx, repaymentId: Id | null): Promise<void> {
  const owner = repaymentId === null ? null : await ownerOf(tx, { id: repaymentId });
  if (owner !== null) {
    refuseSelfAction(ctx, owner);
  }
}

/**
 * The same for the file of a statement with a line that names, or was booked to, a deposit or payout of theirs: of
 * whichever statement of that file, as one that came again is refused and has no lines. What a refused file of other bytes
 * says is asked of the file itself (`refuseOwnWritten`).
 * @errors self_action
 */
export async function refuseOwnStatement(tx: Tx, ctx: Ctx, fileHash: Uint8Array): Promise<void> {
  const reader = personOf(ctx.actor);
  if (reader === null) {
    return;
  }
  const isOwn = or(
    sql`exists (select 1 from ${deposits} where ${and(
      eq(deposits.userId, reader),
      or(
        eq(deposits.statementLineId, bankStatementLines.id),
        eq(deposits.paymentReference, bankStatementLines.paymentReference),
      ),
    )})`,
    sql`exists (select 1 from ${withdrawals} where ${and(
      eq(withdrawals.userId, reader),
      or(
        eq(withdrawals.statementLineId, bankStatementLines.id),
        eq(withdrawals.payoutReference, bankStatementLines.endToEndId),
      ),
    )})`,
    sql`exists (select 1 from ${repayments} where ${and(
      eq(repaymentOwner, reader),
      or(
        eq(repayments.paidLineId, bankStatementLines.id),
        eq(repayments.payoutReference, bankStatementLines.endToEndId),
      ),
    )})`,
  );
  const [own] = await tx
    .select({ id: bankStatementLines.id })
    .from(bankStatementLines)
    .innerJoin(bankStatements, eq(bankStatements.id, bankStatementLines.statementId))
    .where(and(eq(bankStatements.fileHash, fileHash), isOwn))
    .limit(1);
  if (own !== undefined) {
    refuseSelfAction(ctx, reader);
  }
}

/**
 * The same for a file in which a reference of theirs is written, whether or not it can be read line by line: of a refused
 * one nothing is kept but the file.
 * @errors self_action
 */
export async function refuseOwnWritten(tx: Tx, ctx: Ctx, bytes: Uint8Array): Promise<void> {
  const reader = personOf(ctx.actor);
  if (reader === null) {
    return;
  }
  // Whose a repayment is is looked up only for those that can be theirs, not for all that ever were.
  const own = await tx.execute<{ reference: string }>(sql`
    with announced as (select id from deposits where user_id = ${reader}),
    likely as materialized (
      select r.id from repayments r join announced d on d.id = r.deposit_id
      union select r.id from repayments r join approvals a on a.id = r.approval_id where a.subject_user_id = ${reader}
      union select r.id from announced d
        join unallocated_receipts u on u.deposit_id = d.id join repayments r on r.receipt_id = u.id
      union select r.id from withdrawals w join bank_statement_lines l on l.end_to_end_id = w.payout_reference
        join unallocated_receipts u on u.statement_line_id = l.id join repayments r on r.receipt_id = u.id
        where w.user_id = ${reader})
    select payment_reference as reference from deposits where user_id = ${reader}
    union all
    select payout_reference from withdrawals where user_id = ${reader} and payout_reference is not null
    union all
    select payout_reference from likely join repayments on repayments.id = likely.id
      where ${repaymentOwner} = ${reader}`);
  const lines = own.length === 0 ? [] : (readRefused(bytes)?.lines ?? []);
  const read = lines.flatMap(({ paymentReference, endToEndId }) => [paymentReference, endToEndId]);
  const written = [new TextDecoder().decode(bytes), ...read].map((text) => bare(text ?? ''));
  if (own.some(({ reference }) => written.some((text) => text.includes(bare(reference))))) {
    refuseSelfAction(ctx, reader);
  }
}

/** As it is compared: banks print references in groups. */
function bare(text: string): string {
  return text.replace(/\s+/g, '').toUpperCase();
}
