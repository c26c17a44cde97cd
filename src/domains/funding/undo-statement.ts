/** What a statement booked, whether it can still be undone, and its undoing. */
import { eq, sql } from 'drizzle-orm';
import { type Amount, amountOf, ZERO } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { addMs, type Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { correctionDay, houseWallet, lockSpendable, type NewJournal, postJournals } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { linesOf } from './confirm-statement.ts';
import { changeUnsettled, receivingWallet } from './credit-deposit.ts';
import { refuseFunding } from './errors.ts';
import { depositEvent } from './funding-events.ts';
import { type BankAccount, bankWallets, closeReceipt, type Receipt } from './receipts.ts';
import { recordDebitEnd } from './record-debit-end.ts';
import { recordDepositEnd } from './record-deposit-end.ts';
import { recordRepayment } from './repayments/repayment-status.ts';
import { deposits } from './schema.ts';
import { HOUSE_REFERENCE } from './settings.ts';
import type { StatementDebit } from './statement-debits.ts';
import type { StoredLine } from './statement-lines.ts';
import type { Deposit } from './store.ts';
import { repayments, statementDebits, unallocatedReceipts } from './work/schema.ts';

const DAY_MS = 86_400_000;

export type Booked = {
  readonly lines: readonly StoredLine[];
  readonly deposits: readonly Deposit[];
  readonly receipts: readonly Receipt[];
  readonly debits: readonly StatementDebit[];
  /** Payments that a line settled. */
  readonly settled: readonly Id[];
};

/** What the lines of a statement became. */
export async function readBooked(tx: Tx, statementId: Id): Promise<Booked> {
  const lines = await linesOf(tx, statementId);
  // Also of none: an empty list finds nothing.
  const ids = sql`any (${sql.param(lines.map(({ id }) => id))}::uuid[])`;
  return {
    lines,
    deposits: await tx.select().from(deposits).where(sql`${deposits.statementLineId} = ${ids}`),
    receipts: await tx
      .select()
      .from(unallocatedReceipts)
      .where(sql`${unallocatedReceipts.statementLineId} = ${ids}`),
    debits: await tx.select().from(statementDebits).where(sql`${statementDebits.statementLineId} = ${ids}`),
    settled: await settledBy(tx, lines),
  };
}

/**
 * Payouts that these lines settled, or corrected to what the bank paid, those that two people completed since the firm's own
 * account paid them, and repayments that a line paid with their whole file: once more when their debits are locked, as one
 * that settles holds those too.
 */
export async function settledBy(tx: Tx, lines: readonly StoredLine[]): Promise<readonly Id[]> {
  const ids = sql.param(lines.map(({ id }) => id));
  const rows = await tx.execute<{ id: Id }>(sql`
    select w.id from withdrawals w
    where w.statement_line_id = any (${ids}::uuid[])
    union
    select d.withdrawal_id from statement_debits d
    where d.withdrawal_id is not null and d.statement_line_id = any (${ids}::uuid[]) and exists (
      select 1 from approvals a where a.id = d.approval_id and jsonb_exists(a.payload, 'asked'))
    union
    select w.id
    from bank_statement_lines l
      left join payout_files f on f.message_id = l.end_to_end_id
      left join payout_file_items i on i.file_id = f.id
      join withdrawals w on w.payout_reference = l.end_to_end_id or w.id = i.withdrawal_id
      join approvals a on a.id = w.resolution_id and a.status = 'executed'
    where l.id = any (${ids}::uuid[])
      and a.payload -> 'byFirm' @> jsonb_build_array(jsonb_build_object('statementLineId', l.id))
    union all
    select r.id from repayments r join statement_debits d on d.statement_line_id = r.paid_line_id
    where d.payout_file_id is not null and d.statement_line_id = any (${ids}::uuid[])
    order by 1`);
  return rows.map(({ id }) => id);
}

/** Repayments that the debits of a statement are. */
export function repaidBy({ debits }: Pick<Booked, 'debits'>): readonly Id[] {
  return debits.flatMap(({ repaymentId }) => repaymentId ?? []);
}

/** What people did with it since is theirs to undo first. @errors statement_moved_on */
export function refuseMovedOn({ deposits: given, receipts, debits, settled }: Booked): void {
  const isGiven = (receipt: Receipt) =>
    receipt.status === 'allocated' && given.some(({ id }) => id === receipt.depositId);
  const moved = [
    ...receipts.filter((each) => each.status !== 'open' && !isGiven(each)).map(({ id }) => `receipt ${id}`),
    ...given
      .filter(({ status, takenBack }) => status !== 'cleared' || takenBack !== 0n)
      .map(({ id }) => `deposit ${id}`),
    ...debits.filter(({ journalId }) => journalId !== null).map(({ id }) => `debit ${id}`),
    ...settled.map((id) => `payment ${id}`),
  ];
  if (moved.length > 0) {
    throw refuseFunding('statement_moved_on', {
      detail: `What people did since is undone first: ${moved[0]}.`,
    });
  }
}

type Undoing = {
  readonly account: BankAccount;
  readonly booked: Booked;
  /** When the statement was imported: nothing on its word was posted before. */
  readonly since: Instant;
  readonly voidId: Id;
};

/**
 * Undoes what a statement booked; all of its rows are locked. Each journal is reversed by one that cites it, worth the
 * same day, or today where that day is signed. A deposit waits again, as it did before.
 * @effects journals `reversal`, rows of `deposits`, `unallocated_receipts`, `statement_debits`, `wallets.unsettled`; audit
 *   `deposit.reopened`, `unallocated_receipt.closed`, `statement_debit.voided`; events `funding.deposit_reopened`
 * @errors statement_moved_on
 */
export async function undoBooked(
  tx: Tx,
  ctx: Ctx,
  { account, booked, since, voidId }: Undoing,
): Promise<void> {
  const { bank } = await bankWallets(tx, ctx, account);
  const fees = (
    await houseWallet(tx, ctx, {
      role: 'fees_earned',
      reference: HOUSE_REFERENCE,
      book: 'live',
      asset: account.currency,
    })
  ).id;
  const days = new Map<string, string>();
  for (const { valueDate } of booked.lines) {
    days.set(valueDate, days.get(valueDate) ?? (await correctionDay(tx, ctx, valueDate)));
  }
  const postings: NewJournal[] = [];
  for (const line of booked.lines) {
    const receipt = booked.receipts.find(({ statementLineId }) => statementLineId === line.id);
    const deposit = booked.deposits.find(({ statementLineId }) => statementLineId === line.id);
    const common = {
      book: 'live',
      kind: 'reversal',
      referenceType: 'bank_statement_line',
      referenceId: line.id,
      description: 'Undone with the bank statement that had shown it',
      metadata: { voidId },
      valueDate: present(days.get(line.valueDate), 'the day of each line was found'),
    } as const;
    const undo = (reversesId: Id, gives: Id, takes: Id, amount: Amount): NewJournal => ({
      ...common,
      reversesId,
      entries: [
        { walletId: takes, amount: amountOf(-amount) },
        { walletId: gives, amount },
      ],
    });
    if (deposit !== undefined && isCreditOf(deposit, receipt)) {
      const { walletId, amount, fee, feeJournalId } = deposit;
      const journalId = present(deposit.journalId, 'a cleared deposit has its journal');
      postings.push(
        ...(feeJournalId === null ? [] : [undo(feeJournalId, walletId, fees, fee)]),
        undo(journalId, receipt?.walletId ?? bank, walletId, amount),
      );
    } else if (deposit !== undefined) {
      const moved = await transferOf(tx, line.id, since);
      const had = await receivingWallet(tx, ctx, deposit);
      postings.push(...(moved === undefined ? [] : [undo(moved, bank, had, deposit.amount)]));
    }
    if (receipt !== undefined) {
      postings.push(undo(receipt.journalId, bank, receipt.walletId, receipt.amount));
    }
  }
  await refuseWhatLeft(tx, ctx, postings);
  const ids = await postJournals(tx, ctx, postings);
  const reversalOf = new Map(postings.map(({ reversesId }, place) => [reversesId, ids[place]]));
  await reopenDeposits(tx, ctx, booked);
  for (const receipt of booked.receipts) {
    const closingJournalId = present(reversalOf.get(receipt.journalId), 'its journal was reversed');
    await closeReceipt(tx, ctx, receipt, { status: 'void', closingJournalId, approvalId: voidId });
  }
  for (const debit of booked.debits) {
    const nothing = { explanation: null, withdrawalId: null, repaymentId: null, payoutFileId: null };
    await recordDebitEnd(tx, ctx, debit, { ...nothing, status: 'void' });
    await forgetPayment(tx, ctx, debit);
  }
}

/** Cleared by its line; else people or a provider had cleared it, and the line only agreed. */
function isCreditOf(deposit: Deposit, receipt: Receipt | undefined): boolean {
  return receipt !== undefined || (deposit.approvalId === null && deposit.providerEventId === null);
}

/**
 * What moved money that a provider or a person had vouched for to the bank, on the word of a line. Bounded, so that not
 * every month is searched, by a day more than the clocks of two servers ever differ.
 */
async function transferOf(tx: Tx, lineId: Id, since: Instant): Promise<Id | undefined> {
  const [row] = await tx.execute<{ id: Id }>(sql`
    select id from journals
    where reference_type = 'bank_statement_line' and reference_id = ${lineId} and kind = 'transfer'
      and booked_at >= ${addMs(since, -DAY_MS)}::timestamptz`);
  return row?.id;
}

/** Money that is no longer where the statement had brought it is not taken from anywhere else. */
async function refuseWhatLeft(tx: Tx, ctx: Ctx, postings: readonly NewJournal[]): Promise<void> {
  const change = new Map<Id, Amount>();
  for (const { walletId, amount } of postings.flatMap(({ entries }) => entries)) {
    change.set(walletId, amountOf((change.get(walletId) ?? ZERO) + amount));
  }
  const wallets = await lockSpendable(tx, ctx, [...change.keys()]);
  for (const [id, wallet] of wallets) {
    const moved = present(change.get(id), 'only wallets it moves are locked');
    // What a bank holds is below zero in the books.
    const isShort =
      wallet.houseRole === 'client_money_bank'
        ? wallet.total + moved > 0n
        : wallet.houseRole !== 'clearing' &&
          moved < 0n &&
          (wallet.status !== 'active' || wallet.marginUnknown || wallet.total - wallet.reserved + moved < 0n);
    if (isShort) {
      throw refuseFunding('statement_moved_on', {
        detail: `Wallet ${id} no longer holds what the statement brought.`,
      });
    }
  }
}

async function reopenDeposits(tx: Tx, ctx: Ctx, { deposits: given, receipts }: Booked): Promise<void> {
  for (const before of given) {
    const receipt = receipts.find(({ statementLineId }) => statementLineId === before.statementLineId);
    if (isCreditOf(before, receipt)) {
      await changeUnsettled(tx, before.walletId, -before.unsettled);
    }
    const [row] = await tx
      .update(deposits)
      .set({
        statementLineId: null,
        ...(isCreditOf(before, receipt)
          ? {
              status: 'pending' as const,
              journalId: null,
              feeJournalId: null,
              approvalId: null,
              clearedAt: null,
              settlementDate: null,
              unsettled: ZERO,
            }
          : {}),
        version: before.version + 1,
      })
      .where(eq(deposits.id, before.id))
      .returning();
    const deposit = present(row, 'the deposit was locked');
    await record(tx, ctx, {
      event: FUNDING_EVENTS['deposit.reopened'],
      resource: { type: 'deposit', id: deposit.id },
      subjectUserId: deposit.userId,
      before,
      after: deposit,
    });
    if (deposit.status !== before.status) {
      await publish(tx, ctx, [depositEvent('funding.deposit_reopened', deposit)]);
    }
    if (deposit.status === 'pending' && isOfReceipt(deposit)) {
      await recordDepositEnd(tx, ctx, deposit, { word: 'not_received', open: [] });
    }
  }
}

/** Staff announced it for money that had come: nobody pays it, and what the true statement shows is given anew. */
function isOfReceipt({ metadata }: Deposit): boolean {
  return typeof metadata === 'object' && metadata !== null && 'receiptId' in metadata;
}

/** A repayment of which nothing but this debit said that it was paid: nobody knows any more, and it is not paid again. */
async function forgetPayment(tx: Tx, ctx: Ctx, debit: StatementDebit): Promise<void> {
  const repayment = debit.repaymentId === null ? undefined : await lockRow(tx, repayments, debit.repaymentId);
  if (repayment?.status === 'completed' && repayment.paidLineId === debit.statementLineId) {
    await recordRepayment(tx, ctx, repayment, { status: 'unknown', paidLineId: null });
  }
}
