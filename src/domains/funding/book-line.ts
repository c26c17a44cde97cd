import { eq } from 'drizzle-orm';
import { amountOf } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Approval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { accountAllows, accountsByIds } from '../accounts/index.ts';
import { openThirdPartyAlert } from '../aml/index.ts';
import { gateRefusal, lockGateExclusively, lockGates } from '../identity/index.ts';
import { houseWallet, lockWallets, postJournals, receivableWallets } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { creditDeposit, receivingWallet } from './credit-deposit.ts';
import { customerNameOf } from './customer-name.ts';
import { isSameHolder } from './holder-name.ts';
import { type LineOutcome, matchLine, type ReceiptReason } from './match-line.ts';
import { type BankAccount, bankWallets, openReceipts } from './receipts.ts';
import { returnedPayout } from './returned-payout.ts';
import { deposits } from './schema.ts';
import { HOUSE_REFERENCE } from './settings.ts';
import type { StoredLine } from './statement-lines.ts';
import type { Deposit } from './store.ts';
import { providerSettlements } from './work/schema.ts';

/** What the line is of, and what is known before anything of it is locked. */
type LineToBook = {
  readonly account: BankAccount;
  readonly line: StoredLine;
  /** Who pays, as the bank says. */
  readonly payerName: string | null;
  /** Whoever imported the file or confirmed it; they are credited nothing by it. */
  readonly handledBy: readonly string[];
  /** What the books refused before: it waits, whatever it fits. */
  readonly isRefused: boolean;
};

/**
 * Gives one credit of a statement to the deposit it names, or keeps it as an unallocated receipt. Of people it locks
 * the gate of the deposit's owner and of nobody else. What brings a payout back is a receipt whatever else it names, goes
 * where the payout came from, and keeps the deposit it names waiting until then.
 * @effects journals, the deposit, perhaps an unallocated receipt, an alert on a payer who is not the customer; audit
 */
export async function bookLine(tx: Tx, ctx: Ctx, toBook: LineToBook): Promise<void> {
  const { account, line, isRefused } = toBook;
  const { id: statementLineId, amount, valueDate } = line;
  const returned = await returnedPayout(tx, { statementLineId, asset: account.currency, amount });
  const { deposit, approvals, ...known } = await lockNamed(tx, ctx, toBook);
  await lockMatchedWallets(tx, ctx, account, deposit);
  const returnsPayout = returned !== undefined;
  const outcome: LineOutcome =
    isRefused && !returnsPayout
      ? { kind: 'receipt', reason: 'not_accepted' }
      : matchLine({
          ...known,
          returnsPayout,
          line: { ...line, asset: account.currency },
          deposit: { ...deposit, isPaidOver: await isPaidOver(tx, deposit.id) },
          own: toBook.handledBy.includes(deposit.userId),
        });
  if (outcome.kind === 'receipt') {
    if (waitsFor(outcome.reason) && deposit.status === 'pending') {
      await change(tx, ctx, deposit, { status: 'processing' });
    }
    const { reason } = outcome;
    await openReceipts(tx, ctx, account, [
      { statementLineId, amount, valueDate, reason, depositId: deposit.id },
    ]);
    return;
  }
  if (outcome.kind === 'credit') {
    await cancelApprovals(tx, ctx, approvals);
    const { bank } = await bankWallets(tx, ctx, account);
    const evidence = { statementLineId: line.id };
    await creditDeposit(tx, ctx, deposit, { from: bank, valueDate: line.valueDate, evidence });
    return;
  }
  await moveToBank(tx, ctx, toBook, deposit);
  await change(tx, ctx, deposit, { statementLineId: line.id });
}

async function isPaidOver(tx: Tx, depositId: string): Promise<boolean> {
  const [paid] = await tx
    .select({ id: providerSettlements.receiptId })
    .from(providerSettlements)
    .where(eq(providerSettlements.depositId, depositId))
    .limit(1);
  return paid !== undefined;
}

type Payer = 'customer' | 'other' | 'unnamed';

/** The deposit of a line and what decides on it, all of it locked. */
type Named = {
  readonly deposit: Deposit;
  readonly payer: Payer;
  readonly accepts: boolean;
  readonly approvals: readonly Approval[];
};

/**
 * Approvals, then the gate, then the deposit. An alert comes with the gate: it changes it, and must be there before any
 * row is locked. What the monitoring finds in a credit may shut it too, so that it is taken exclusively.
 */
async function lockNamed(tx: Tx, ctx: Ctx, { account, line, payerName }: LineToBook): Promise<Named> {
  const [row] = await tx
    .select()
    .from(deposits)
    .where(eq(deposits.paymentReference, line.paymentReference ?? ''));
  const named = present(row, 'a line that names no deposit is booked with its statement');
  const { id, userId, accountId } = named;
  const approvals = await lockOpenApprovals(tx, id);
  const payer = await payerOf(tx, ctx, payerName, userId);
  await lockGateExclusively(tx, userId);
  const isNews = payer === 'other' && !line.reversal && named.asset === account.currency;
  // A provider that pays over what it had from the customer is not somebody else who pays for them.
  if (isNews && payerName !== null && !(await isClaimOf(tx, named, line))) {
    await openThirdPartyAlert(tx, ctx, { userId, payerName });
  }
  const gate = (await lockGates(tx, [userId])).get(userId);
  const owner = (await accountsByIds(tx, [accountId])).get(accountId);
  const deposit = present(await lockRow(tx, deposits, id), 'deposits are never deleted');
  const takesMoneyIn = owner?.type === 'live' && accountAllows(owner.status, 'money_in');
  return { deposit, payer, accepts: takesMoneyIn && gateRefusal(gate, 'money_in') === null, approvals };
}

/** Whether a line names what a provider cleared and has not paid over, to the last cent: nothing is credited by it. */
async function isClaimOf(
  tx: Tx,
  { id, status, providerEventId, statementLineId, amount }: Deposit,
  line: StoredLine,
): Promise<boolean> {
  const isOpen = status === 'cleared' && providerEventId !== null && statementLineId === null;
  return isOpen && amount === line.amount && !(await isPaidOver(tx, id));
}

/** Every wallet the line may touch, at once and in order. */
async function lockMatchedWallets(tx: Tx, ctx: Ctx, account: BankAccount, deposit: Deposit): Promise<void> {
  const { bank, unallocated } = await bankWallets(tx, ctx, account);
  const fees = {
    role: 'fees_earned',
    reference: HOUSE_REFERENCE,
    book: 'live',
    asset: account.currency,
  } as const;
  await lockWallets(tx, [
    bank,
    unallocated,
    (await houseWallet(tx, ctx, fees)).id,
    deposit.walletId,
    await receivingWallet(tx, ctx, deposit),
    ...(await receivableWallets(tx, [deposit.userId], account.currency)),
  ]);
}

async function payerOf(tx: Tx, ctx: Ctx, name: string | null, userId: string): Promise<Payer> {
  if (name === null) {
    return 'unnamed';
  }
  return isSameHolder(name, await customerNameOf(tx, ctx, userId)) ? 'customer' : 'other';
}

/** The money is there and is the deposit's; whether the customer may have it is still open. */
function waitsFor(reason: ReceiptReason): boolean {
  return reason === 'third_party_payer' || reason === 'payer_unnamed' || reason === 'not_accepted';
}

/** What was credited on somebody's word lies where that word had it; now the bank has it. */
async function moveToBank(tx: Tx, ctx: Ctx, { account, line }: LineToBook, deposit: Deposit): Promise<void> {
  const had = await receivingWallet(tx, ctx, deposit);
  const { bank } = await bankWallets(tx, ctx, account);
  if (had === bank) {
    return;
  }
  await postJournals(tx, ctx, [
    {
      book: 'live',
      kind: 'transfer',
      referenceType: 'bank_statement_line',
      referenceId: line.id,
      description: `Received at the bank: deposit ${deposit.paymentReference}`,
      valueDate: line.valueDate,
      entries: [
        { walletId: had, amount: deposit.amount },
        { walletId: bank, amount: amountOf(-deposit.amount) },
      ],
    },
  ]);
}

async function change(
  tx: Tx,
  ctx: Ctx,
  before: Deposit,
  set: Partial<Pick<Deposit, 'status' | 'statementLineId'>>,
): Promise<void> {
  const [row] = await tx
    .update(deposits)
    .set({ ...set, version: before.version + 1 })
    .where(eq(deposits.id, before.id))
    .returning();
  await record(tx, ctx, {
    event: FUNDING_EVENTS['deposit.received'],
    resource: { type: 'deposit', id: before.id },
    subjectUserId: before.userId,
    before,
    after: present(row, 'the deposit was locked'),
  });
}
