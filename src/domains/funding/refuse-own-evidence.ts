import { and, eq, or, sql } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { bankStatementLines, bankStatements } from './evidence/schema.ts';
import { deposits, withdrawals } from './schema.ts';

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

/**
 * The same for the file of a statement with a line that names, or was booked to, a deposit or payout of theirs: of
 * whichever statement of that file, as one that came again is refused and has no lines.
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
