import { and, eq, ne } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { amountOf, formatAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import { raiseAlarm } from '../../platform/alarms/raise-alarm.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow, lockRows } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { findClearingWallet, houseWallet, lockWallets, postJournals } from '../ledger/index.ts';
import { FLAGGED_RETURNERS } from './allocate-receipt.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { CHECKERS } from './checkers.ts';
import { FIRM_AS_DEBTOR } from './debts.ts';
import { refuseFunding } from './errors.ts';
import { bankStatementLines } from './evidence/schema.ts';
import { goesElsewhere, isPaidElsewhere } from './paid-back-to.ts';
import { isPaidToAnother, isPaidToOne } from './paid-to-another.ts';
import { payoutReferenceOf } from './payout-reference.ts';
import {
  bookPaidAmount,
  type ExcessBearer,
  lockWhoseDiffers,
  type PaidOtherwise,
  paidOtherwise,
} from './payouts/differing-payout.ts';
import { paidWithFile } from './payouts/files-on-statement.ts';
import {
  type BookedFile,
  fileOfDebit,
  lockFileWork,
  refuseFilePayer,
  refuseOwnFile,
  settleFile,
} from './payouts/settle-file.ts';
import { recordDebitEnd } from './record-debit-end.ts';
import { refuseOtherJournal } from './refuse-other-journal.ts';
import { refuseOwnPayout, refuseOwnRepayment } from './refuse-own-evidence.ts';
import { isSent } from './repayments/handed-out.ts';
import { completeByDebit, ownerOf } from './repayments/repayment-status.ts';
import { OPEN_WITHDRAWAL_STATUSES } from './rules.ts';
import { withdrawals } from './schema.ts';
import { settleByDebit } from './settle-by-line.ts';
import { PAID_STATUSES, type StatementDebit } from './statement-debits.ts';
import type { Withdrawal } from './store.ts';
import { repayments, statementDebits } from './work/schema.ts';

const EXPLAIN = 'statement_debit.explain';

export type Explanation =
  | { readonly kind: 'bank_charge' }
  /**
   * `excess`: who owes what the bank paid beyond the withdrawal, where it did. `parts`: the other debits that it was paid
   * by, where the bank made several of it.
   */
  | {
      readonly kind: 'payout';
      readonly withdrawalId: Id;
      readonly excess?: ExcessBearer;
      readonly parts?: readonly Id[];
    }
  /** All that a payout file pays, which the bank booked in one line. */
  | { readonly kind: 'payout_file'; readonly payoutFileId: Id }
  /** Money that two people sent back was paid, by a file or past it. */
  | { readonly kind: 'repayment'; readonly repaymentId: Id }
  /** What is owed to a provider, a venue or the counterparty of contracts was paid. */
  | { readonly kind: 'settlement'; readonly clearing: string }
  /** A journal has the same amount leave the same bank account: a refund, a sweep, money sent back. */
  | { readonly kind: 'booked'; readonly journalId: Id };

/**
 * Asks another person to agree what a debit was. Money sent back that did not reach whoever had paid, or taken out that
 * went to another account than was approved, or as a whole file to the account of one, is for compliance, who are told at once; and so is what was paid by hand
 * and not by a file, which holds its payee against the lists, unless they agreed to that before, and a withdrawal that
 * the bank paid though nobody here had begun it. Nor do others alone say of a debit that names a payment that it was
 * not that one, or of one of another amount that it was; the MLRO does where that went to another account as well.
 * @effects one row of `approvals`; audit `approval.requested`; perhaps the alarm `statement_debit.paid_elsewhere`
 * @errors not_found, self_action, debit_closed, debit_not_explained, payout_file_void, payout_file_not_fetched,
 *   payout_file_partly_settled, those of who may say that a file was paid, approval_pending_exists
 */
export async function proposeExplanation(
  ctx: Ctx,
  input: { readonly debitId: Id; readonly explanation: Explanation; readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const [debit] = await tx.select().from(statementDebits).where(eq(statementDebits.id, input.debitId));
    if (debit === undefined) {
      throw refuse('not_found');
    }
    await refuseOwnPayment(tx, ctx, debit, input.explanation);
    const fit = await refuseMisfit(tx, debit, input.explanation);
    if (fit.file !== undefined) {
      await refuseFilePayer(tx, ctx, fit.file.file);
    }
    const denied = isDenied(debit, input.explanation);
    const elsewhere = await isElsewhere(tx, ctx, debit, input.explanation, fit.otherwise?.parts);
    if (elsewhere) {
      await raiseAlarm(tx, ctx, {
        event: FUNDING_EVENTS['statement_debit.paid_elsewhere'],
        resource: { type: 'statement_debit', id: debit.id },
        subjectUserId: null,
        after: debit,
      });
    }
    return requestApproval(tx, ctx, {
      action: EXPLAIN,
      subjectType: 'statement_debit',
      subjectId: debit.id,
      subjectUserId: (await ownerOfNamed(tx, debit)) ?? fit.subjectUserId,
      payload: explanationPayload(debit, input.explanation, fit, { elsewhere, denied }),
      quorum: 1,
      checkerRoles: checkersOf(fit, { elsewhere, denied }),
      reason: input.reason,
    });
  });
}

function checkersOf(
  { pastFile, otherwise }: Fit,
  { elsewhere, denied }: { readonly elsewhere: boolean; readonly denied: boolean },
): readonly Role[] {
  const differs = otherwise !== undefined;
  if (elsewhere && differs) {
    return ['mlro'];
  }
  return elsewhere || pastFile || denied || differs ? FLAGGED_RETURNERS : CHECKERS;
}

/**
 * What the vote on an explanation does. What the bank charged is booked as the firm's debt, what it settled against what
 * was owed; a withdrawal that nobody had begun is completed with it, one of which the bank paid another amount is
 * completed and corrected to that, and so is all that is under way of a file.
 */
export const debitExplaining: ApprovalAction = {
  action: EXPLAIN,
  inRecovery: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { explanation } = approved.payload as unknown as { readonly explanation: Explanation };
    if (explanation.kind === 'payout') {
      await lockWhoseDiffers(tx, approved.subjectId, explanation);
    }
    // A payment before the debits that name it, as where a statement is taken in, and as whoever sets it free does.
    const open = explanation.kind === 'payout_file' ? await lockFileWork(tx, explanation.payoutFileId) : [];
    const withdrawal =
      explanation.kind === 'payout' ? await lockRow(tx, withdrawals, explanation.withdrawalId) : undefined;
    const repayment =
      explanation.kind === 'repayment' ? await lockRow(tx, repayments, explanation.repaymentId) : undefined;
    const parts = explanation.kind === 'payout' ? (explanation.parts ?? []) : [];
    const debits = await lockRows(tx, statementDebits, [approved.subjectId, ...parts]);
    const before = present(
      debits.find(({ id }) => id === approved.subjectId),
      'debits are never deleted',
    );
    await refuseOwnPayment(tx, ctx, before, explanation);
    if (explanation.kind === 'booked') {
      // Whoever undoes that journal holds its wallets: two at once would not see each other.
      await lockWallets(tx, [before.walletId]);
    }
    const fit = await refuseMisfit(tx, before, explanation);
    const elsewhere = await isElsewhere(tx, ctx, before, explanation, fit.otherwise?.parts);
    const denied = isDenied(before, explanation);
    const stored = explanationPayload(before, explanation, fit, { elsewhere, denied });
    if (canonicalJson(stored) !== canonicalJson(approved.payload as Json)) {
      throw refuseFunding('approved_request_changed');
    }
    const cited = {
      withdrawalId: withdrawal?.id ?? null,
      repaymentId: repayment?.id ?? null,
      payoutFileId: fit.file?.file.id ?? null,
      journalId: explanation.kind === 'booked' ? explanation.journalId : null,
    };
    await recordDebitEnd(tx, ctx, before, {
      ...cited,
      ...(await bookedBy(tx, ctx, before, explanation)),
      status: 'explained',
      explanation: explanation.kind,
      approvalId: approved.approvalId,
    });
    if (repayment !== undefined) {
      await completeByDebit(tx, ctx, repayment, before);
    }
    const { statementLineId } = before;
    if (fit.file !== undefined) {
      await settleFile(tx, ctx, fit.file, { statementLineId, open });
    }
    if (withdrawal !== undefined && fit.otherwise !== undefined) {
      await bookPaidAmount(tx, ctx, withdrawal, before, {
        ...fit.otherwise,
        excess: explanation.kind === 'payout' ? explanation.excess : undefined,
        approvalId: approved.approvalId,
      });
    } else if (withdrawal?.status === 'approved') {
      await settleByDebit(tx, ctx, withdrawal, statementLineId);
    }
  },
};

/** The customer it is about, if any, and whether it passed by the file that was to pay it. */
type Fit = {
  readonly subjectUserId: Id | null;
  readonly pastFile: boolean;
  readonly otherwise?: PaidOtherwise;
  readonly file?: BookedFile;
};

const NOBODYS: Fit = { subjectUserId: null, pastFile: false };

/** Whoever a payment goes to says nothing of its debit, of the one it names and of the one it is said to be. @errors self_action */
async function refuseOwnPayment(
  tx: Tx,
  ctx: Ctx,
  debit: StatementDebit,
  explanation: Explanation,
): Promise<void> {
  await refuseOwnPayout(tx, ctx, debit.namedWithdrawalId);
  await refuseOwnRepayment(tx, ctx, debit.namedRepaymentId);
  await refuseOwnFile(tx, ctx, debit.namedPayoutFileId);
  if (explanation.kind === 'payout') {
    await refuseOwnPayout(tx, ctx, explanation.withdrawalId);
  } else if (explanation.kind === 'repayment') {
    await refuseOwnRepayment(tx, ctx, explanation.repaymentId);
  } else if (explanation.kind === 'payout_file') {
    await refuseOwnFile(tx, ctx, explanation.payoutFileId);
  }
}

/** Whether it names a payment and is said to be something else: that the payment left would be shown no more. */
function isDenied(
  { namedWithdrawalId, namedRepaymentId, namedPayoutFileId }: StatementDebit,
  explanation: Explanation,
): boolean {
  const named = namedWithdrawalId ?? namedRepaymentId ?? namedPayoutFileId;
  switch (explanation.kind) {
    case 'payout':
      return named !== null && named !== explanation.withdrawalId;
    case 'repayment':
      return named !== null && named !== explanation.repaymentId;
    case 'payout_file':
      return named !== null && named !== explanation.payoutFileId;
    default:
      return named !== null;
  }
}

async function ownerOfNamed(tx: Tx, debit: StatementDebit): Promise<Id | null> {
  const { namedWithdrawalId, namedRepaymentId } = debit;
  if (namedWithdrawalId !== null) {
    const [payout] = await tx.select().from(withdrawals).where(eq(withdrawals.id, namedWithdrawalId));
    return payout?.userId ?? null;
  }
  const [repayment] =
    namedRepaymentId === null
      ? []
      : await tx.select().from(repayments).where(eq(repayments.id, namedRepaymentId));
  return repayment === undefined ? null : ownerOf(tx, repayment);
}

async function refuseMisfit(tx: Tx, debit: StatementDebit, explanation: Explanation): Promise<Fit> {
  if (debit.status !== 'open') {
    throw refuseFunding('debit_closed');
  }
  await refuseLockingUp(tx, debit, explanation);
  switch (explanation.kind) {
    case 'bank_charge':
      return NOBODYS;
    case 'settlement':
      await owedAt(tx, debit, explanation.clearing);
      return NOBODYS;
    case 'payout':
      return payoutOf(tx, debit, explanation);
    case 'payout_file':
      return { ...NOBODYS, file: await fileOfDebit(tx, debit, explanation.payoutFileId) };
    case 'repayment':
      return repaymentOf(tx, debit, explanation.repaymentId);
    case 'booked':
      await refuseOtherJournal(tx, debit, explanation.journalId);
      return NOBODYS;
  }
}

/** What the bank shows as paid is set free by nobody: called anything else, it could not be completed either. */
async function refuseLockingUp(tx: Tx, debit: StatementDebit, explanation: Explanation): Promise<void> {
  const { namedWithdrawalId, reason } = debit;
  const isNamed = explanation.kind === 'payout' && explanation.withdrawalId === namedWithdrawalId;
  if (namedWithdrawalId === null || isNamed || reason === 'reversal') {
    return;
  }
  const [payout] = await tx.select().from(withdrawals).where(eq(withdrawals.id, namedWithdrawalId));
  const isOpen =
    payout !== undefined &&
    (OPEN_WITHDRAWAL_STATUSES as readonly string[]).includes(payout.status) &&
    payout.asset === debit.asset &&
    payout.amount === debit.amount;
  if (isOpen && !(await citedAlready(tx, debit, eq(statementDebits.withdrawalId, payout.id)))) {
    const detail = `It names withdrawal ${payout.id}, which is ${payout.status}: it can only be that payout.`;
    throw refuseFunding('debit_not_explained', { detail });
  }
}

async function isElsewhere(
  tx: Tx,
  ctx: Ctx,
  debit: StatementDebit,
  explanation: Explanation,
  parts: readonly StatementDebit[] = [],
): Promise<boolean> {
  if (explanation.kind === 'repayment') {
    const { repaymentId } = explanation;
    const [row] = await tx.select().from(repayments).where(eq(repayments.id, repaymentId));
    return isPaidElsewhere(tx, ctx, row?.statementLineId ?? null, debit.statementLineId);
  }
  if (explanation.kind === 'payout') {
    const [row] = await tx.select().from(withdrawals).where(eq(withdrawals.id, explanation.withdrawalId));
    const lines = [debit.statementLineId, ...parts.map((part) => part.statementLineId)];
    for (const lineId of lines) {
      if (row !== undefined && (await isPaidToAnother(tx, ctx, row, lineId))) {
        return true;
      }
    }
    return false;
  }
  if (explanation.kind === 'payout_file') {
    return isPaidToOne(tx, ctx, debit.statementLineId);
  }
  return explanation.kind === 'booked' && goesElsewhere(tx, ctx, debit.id, explanation.journalId);
}

async function payoutOf(
  tx: Tx,
  debit: StatementDebit,
  said: Extract<Explanation, { readonly kind: 'payout' }>,
): Promise<Fit> {
  const { withdrawalId } = said;
  const [payout] = await tx.select().from(withdrawals).where(eq(withdrawals.id, withdrawalId));
  const fits =
    payout !== undefined &&
    payout.asset === debit.asset &&
    ((PAID_STATUSES as readonly string[]).includes(payout.status) || (await isUnbegun(tx, debit, payout)));
  if (
    !fits ||
    (await citedAlready(tx, debit, eq(statementDebits.withdrawalId, withdrawalId), withdrawalId))
  ) {
    throw refuseFunding('debit_not_explained');
  }
  const otherwise = await paidOtherwise(tx, debit, payout, said);
  return {
    subjectUserId: payout.userId,
    pastFile: payout.status === 'approved',
    ...(otherwise === undefined ? {} : { otherwise }),
  };
}

/** The bank paid it by its own reference, though nobody here says that it was to: by what a restore lost, or a file given up. */
async function isUnbegun(tx: Tx, debit: StatementDebit, payout: Withdrawal): Promise<boolean> {
  const [line] = await tx
    .select({ endToEndId: bankStatementLines.endToEndId, reversal: bankStatementLines.reversal })
    .from(bankStatementLines)
    .where(eq(bankStatementLines.id, debit.statementLineId));
  return (
    payout.status === 'approved' &&
    line?.reversal === false &&
    line.endToEndId === payoutReferenceOf(payout.id)
  );
}

async function repaymentOf(tx: Tx, debit: StatementDebit, repaymentId: Id): Promise<Fit> {
  const [row] = await tx.select().from(repayments).where(eq(repayments.id, repaymentId));
  const fits =
    row !== undefined &&
    row.status !== 'given_up' &&
    row.asset === debit.asset &&
    row.amount === debit.amount &&
    row.walletId === debit.walletId;
  if (!fits || (await citedAlready(tx, debit, eq(statementDebits.repaymentId, repaymentId), repaymentId))) {
    throw refuseFunding('debit_not_explained');
  }
  // What opened as paid by hand was held against no list; what compliance let be paid so has their vote.
  const isSeen = row.status === 'by_hand' && row.resolutionId !== null;
  const pastFile = !isSeen && !(await isSent(tx, row));
  return { subjectUserId: await ownerOf(tx, row), pastFile };
}

/** By another debit, or as a payment of a file that one is. */
async function citedAlready(
  tx: Tx,
  debit: StatementDebit,
  cites: ReturnType<typeof eq>,
  paymentId?: Id,
): Promise<boolean> {
  const [other] = await tx
    .select({ id: statementDebits.id })
    .from(statementDebits)
    .where(and(cites, ne(statementDebits.id, debit.id)));
  return other !== undefined || (paymentId !== undefined && (await paidWithFile(tx, [paymentId])).length > 0);
}

/** A charge of the bank is owed by the firm to its clients' money; what was settled is owed no more. */
async function bookedBy(
  tx: Tx,
  ctx: Ctx,
  debit: StatementDebit,
  explanation: Explanation,
): Promise<{ readonly journalId?: Id }> {
  const { asset, walletId } = debit;
  if (explanation.kind === 'bank_charge') {
    const firm = { role: 'receivable', reference: FIRM_AS_DEBTOR, book: 'live', asset } as const;
    const owed = await houseWallet(tx, ctx, firm);
    await lockWallets(tx, [owed.id, walletId]);
    const description = 'Charge of the bank, owed by the firm to its clients’ money';
    return { journalId: await bookAgainst(tx, ctx, debit, owed.id, description) };
  }
  if (explanation.kind === 'settlement') {
    const { id } = await owedAt(tx, debit, explanation.clearing);
    await lockWallets(tx, [id, walletId]);
    await owedAt(tx, debit, explanation.clearing);
    const description = `Paid to ${explanation.clearing}`;
    return { journalId: await bookAgainst(tx, ctx, debit, id, description) };
  }
  return {};
}

/** Where the amount of a debit is owed. @errors debit_not_explained where less of it is */
async function owedAt(tx: Tx, debit: StatementDebit, reference: string): Promise<{ readonly id: Id }> {
  const wallet = await findClearingWallet(tx, { reference, asset: debit.asset });
  if (wallet === undefined || wallet.total < debit.amount) {
    throw refuseFunding('debit_not_explained');
  }
  return wallet;
}

async function bookAgainst(
  tx: Tx,
  ctx: Ctx,
  debit: StatementDebit,
  againstId: Id,
  description: string,
): Promise<Id> {
  const { id, amount, walletId, statementLineId } = debit;
  const [line] = await tx
    .select({ valueDate: bankStatementLines.valueDate })
    .from(bankStatementLines)
    .where(eq(bankStatementLines.id, statementLineId));
  const [journalId] = await postJournals(tx, ctx, [
    {
      book: 'live',
      kind: 'adjustment',
      referenceType: 'statement_debit',
      referenceId: id,
      // The day the bank took it: else that day's books would show more than the bank.
      valueDate: present(line, 'a debit has its line').valueDate,
      description,
      entries: [
        { walletId, amount },
        { walletId: againstId, amount: amountOf(-amount) },
      ],
    },
  ]);
  return present(journalId, 'one journal was posted');
}

function explanationPayload(
  debit: StatementDebit,
  explanation: Explanation,
  { pastFile, otherwise, file }: Fit,
  { elsewhere, denied }: { readonly [seen in 'elsewhere' | 'denied']: boolean },
): { readonly [key: string]: Json } {
  const { asset, statementLineId, walletId } = debit;
  return {
    explanation,
    ...(elsewhere ? { elsewhere } : {}),
    ...(pastFile ? { pastFile } : {}),
    ...(denied ? { denied } : {}),
    ...(otherwise === undefined ? {} : paidPayload(otherwise)),
    ...(file === undefined ? {} : filePayload(file)),
    asset,
    amount: formatAmount(debit.amount),
    statementLineId,
    walletId,
  };
}

function paidPayload({ asked, paid, parts }: PaidOtherwise): { readonly [key: string]: Json } {
  return { asked: formatAmount(asked), ...(parts.length === 0 ? {} : { paid: formatAmount(paid) }) };
}

function filePayload({ file, refused }: BookedFile): { readonly [key: string]: Json } {
  const { messageId, transactionCount } = file;
  return { messageId, transactionCount, ...(refused.length === 0 ? {} : { refused }) };
}
