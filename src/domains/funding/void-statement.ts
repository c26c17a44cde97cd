/**
 * A statement that was wrongly imported, and confirmed, is given up by two people: what it booked is undone by journals
 * that cite the originals, and the true one is imported in its place. The newest of its account goes first. What people
 * moved on since is undone by people first; what left is not undone at all.
 */
import { and, eq, gt, ne } from 'drizzle-orm';
import { formatAmount, sumAmounts } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Approval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive, lockRows } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { lockGates, refuseSelfAction } from '../identity/index.ts';
import { bookingLock } from './book-statement.ts';
import { askAboutFile, stand } from './confirm-file.ts';
import { lockStatement, STATEMENT_FILES } from './confirm-statement.ts';
import { refuseFunding } from './errors.ts';
import { bankStatements } from './evidence/schema.ts';
import { deposits } from './schema.ts';
import type { BankStatement } from './statement-lines.ts';
import { type Booked, readBooked, refuseMovedOn, repaidBy, settledBy, undoBooked } from './undo-statement.ts';
import { repayments, statementDebits, unallocatedReceipts } from './work/schema.ts';

const VOID = 'bank_statement.void';

/**
 * Asks another person to agree that a statement is given up.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, statement_not_counted, statement_out_of_turn, self_action, statement_moved_on,
 *   approval_pending_exists
 */
export async function voidStatement(
  ctx: Ctx,
  input: { readonly statementId: Id; readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const [statement] = await tx
      .select()
      .from(bankStatements)
      .where(eq(bankStatements.id, input.statementId));
    if (statement === undefined) {
      throw refuse('not_found');
    }
    await refuseUnvoidable(tx, statement);
    const booked = await readBooked(tx, statement.id);
    for (const { userId } of booked.deposits) {
      refuseSelfAction(ctx, userId);
    }
    refuseMovedOn(booked);
    return askAboutFile(tx, ctx, STATEMENT_FILES, {
      to: 'void',
      id: statement.id,
      payload: payloadOf(statement, booked),
      reason: input.reason,
    });
  });
}

/** What the vote on giving up a statement does. */
export const statementVoiding: ApprovalAction = {
  action: VOID,
  inRecovery: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { statement, account } = await lockStatement(tx, approved.subjectId);
    // No line of it is booked meanwhile, and nobody looks at the books to sign them.
    await lockExclusive(tx, [bookingLock(statement.id)]);
    await lockExclusive(tx, [`reconciliation:${ctx.deps.firmName}`]);
    await refuseUnvoidable(tx, statement);
    const known = await readBooked(tx, statement.id);
    if (known.deposits.some(({ userId }) => approved.checkerIds.includes(userId))) {
      throw refuse('self_approval');
    }
    const open: Approval[] = [];
    for (const { id } of [...known.deposits, ...known.receipts, ...known.debits]) {
      open.push(...(await lockOpenApprovals(tx, id)));
    }
    const booked = await lockBooked(tx, known);
    refuseMovedOn(booked);
    if (canonicalJson(payloadOf(statement, booked)) !== canonicalJson(approved.payload as Json)) {
      throw refuseFunding('approved_request_changed');
    }
    await cancelApprovals(tx, ctx, open);
    if (account.houseRole === 'client_money_bank') {
      await undoBooked(tx, ctx, {
        account,
        booked,
        since: statement.importedAt,
        voidId: approved.approvalId,
      });
    }
    await stand(tx, ctx, STATEMENT_FILES, statement, 'void', approved.approvalId);
  },
};

/** Gates before rows; a deposit before the receipt it was given. */
async function lockBooked(tx: Tx, known: Booked): Promise<Booked> {
  await lockGates(
    tx,
    known.deposits.map(({ userId }) => userId),
  );
  const idsOf = (rows: readonly { readonly id: Id }[]) => rows.map(({ id }) => id);
  await lockRows(tx, repayments, repaidBy(known));
  return {
    ...known,
    deposits: await lockRows(tx, deposits, idsOf(known.deposits)),
    receipts: await lockRows(tx, unallocatedReceipts, idsOf(known.receipts)),
    debits: await lockRows(tx, statementDebits, idsOf(known.debits)),
    settled: await settledBy(tx, known.lines),
  };
}

/** Also one with lines that cannot be booked. @errors statement_not_counted, statement_out_of_turn */
async function refuseUnvoidable(tx: Tx, { id, standing, bankAccountId }: BankStatement): Promise<void> {
  if (standing !== 'confirmed') {
    throw refuseFunding('statement_not_counted');
  }
  const [later] = await tx
    .select({ id: bankStatements.id })
    .from(bankStatements)
    .where(
      and(
        eq(bankStatements.bankAccountId, present(bankAccountId, 'it is of an account')),
        ne(bankStatements.standing, 'void'),
        gt(bankStatements.id, id),
      ),
    )
    .limit(1);
  if (later !== undefined) {
    throw refuseFunding('statement_out_of_turn', { detail: `Statement ${later.id} goes on from it.` });
  }
}

/** What the second person agrees to undo. */
function payloadOf(statement: BankStatement, booked: Booked): { readonly [key: string]: Json } {
  return {
    bankAccountId: statement.bankAccountId,
    statementReference: statement.statementReference,
    closingDate: statement.closingDate,
    fileHash: Buffer.from(statement.fileHash).toString('hex'),
    deposits: booked.deposits.map(({ id }) => id).toSorted(),
    credited: formatAmount(sumAmounts(booked.deposits.map(({ amount }) => amount))),
    receiptCount: booked.receipts.length,
    debitCount: booked.debits.length,
  };
}
