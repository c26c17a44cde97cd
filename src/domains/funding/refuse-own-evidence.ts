import { and, eq, or, sql } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { readRefused } from './camt-053.ts';
import { bankStatementLines, bankStatements } from './evidence/schema.ts';
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
  const [repayment] =
    repaymentId === null ? [] : await tx.select().from(repayments).where(eq(repayments.id, repaymentId));
  await refuseOwnDeposit(tx, ctx, repayment?.depositId ?? null);
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
    sql`exists (select 1 from ${repayments} join ${deposits} on ${eq(deposits.id, repayments.depositId)} where ${and(
      eq(deposits.userId, reader),
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
  const own = await tx.execute<{ reference: string }>(sql`
    select payment_reference as reference from deposits where user_id = ${reader}
    union all
    select payout_reference from withdrawals where user_id = ${reader} and payout_reference is not null
    union all
    select r.payout_reference from repayments r join deposits d on d.id = r.deposit_id where d.user_id = ${reader}`);
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
