import { and, eq } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { amountOf, formatAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { approvals } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { accountAllows, findAccount } from '../accounts/index.ts';
import { openThirdPartyAlert } from '../aml/index.ts';
import { lockGates, refuseSelfAction } from '../identity/index.ts';
import { customerWallet, postJournals, refuseWhileOwing } from '../ledger/index.ts';
import { type Terms, termsOfArrived } from './announced-terms.ts';
import { CHECKERS } from './checkers.ts';
import { creditDeposit } from './credit-deposit.ts';
import { customerNameOf } from './customer-name.ts';
import { refuseFunding } from './errors.ts';
import { bankAccounts, bankStatementLines, bankStatements } from './evidence/schema.ts';
import { isSameHolder } from './holder-name.ts';
import { lockCreditPathOf } from './lock-money-path.ts';
import { payerHashOf } from './paid-back-to.ts';
import { ownerOfReceipt, subjectOfReceipt, subjectsOfReceipt } from './receipt-owner.ts';
import { bankWallets, closeReceipt, lockOpenReceipt, type Receipt } from './receipts.ts';
import { recordDeposit } from './record-deposit.ts';
import { openRepayment } from './repayments/open-repayment.ts';
import {
  refuseFirmsShare,
  refuseOtherAccount,
  refuseUncompleted,
  returnedPayout,
} from './returned-payout.ts';
import { depositMayBecome } from './rules.ts';
import { deposits } from './schema.ts';
import { counterpartyOf, findReceipt } from './statement-store.ts';
import { type Deposit, findDeposit, type Withdrawal } from './store.ts';

const ALLOCATE = 'unallocated_receipt.allocate';
const RETURN = 'unallocated_receipt.return';

/** Who agrees that money goes back of which compliance was told: sent back, it is evidence no more. */
export const FLAGGED_RETURNERS = ['compliance_officer', 'mlro'] as const satisfies readonly Role[];

export type Allocation = {
  readonly receiptId: Id;
  readonly depositId?: Id | undefined;
  readonly accountId?: Id | undefined;
  readonly reason: string;
};

type Owner = { readonly userId: Id; readonly accountId: Id };

/**
 * Asks another person to give unallocated money to a deposit, or to an account that no deposit waits for: it is then a
 * deposit of its own.
 * Where the bank names somebody else as payer, compliance hears of it first: the customer's gate is shut until they
 * agree, and the vote waits for it.
 * @effects one row of `approvals`, perhaps an alert on the payer; audit
 *   `restricted_approval.requested`
 * @errors not_found, self_action, receipt_closed, deposit_status_conflict, receipt_does_not_fit, account_not_live,
 *   account_not_active, approval_pending_exists
 */
export async function allocateReceipt(ctx: Ctx, input: Allocation): Promise<Approval> {
  return transact(ctx, 'engine', async (tx) => {
    const receipt = await findReceipt(tx, input.receiptId);
    const { depositId, accountId } = input;
    const owner: Owner =
      depositId === undefined
        ? await accountOwner(tx, ctx, present(accountId, 'the wire asks for one of the two'))
        : await findDeposit(tx, ctx, depositId);
    refuseSelfAction(ctx, owner.userId);
    await refuseOwnReceipt(tx, ctx, receipt);
    if (receipt.status !== 'open') {
      throw refuseFunding('receipt_closed');
    }
    const target = { depositId: depositId ?? null, accountId: owner.accountId };
    const returned = await returnedPayout(tx, receipt);
    refuseRest(receipt, returned);
    await refuseOtherAccount(tx, receipt, returned, target);
    if (depositId !== undefined) {
      const deposit = await findDeposit(tx, ctx, depositId);
      refuseMisfit(receipt, deposit);
    } else {
      // Before compliance hears of it, which shuts the customer's gate.
      await refuseUnsuitable(tx, ctx, owner);
      refuseWaiting(await depositNamed(tx, receipt), owner);
    }
    await recordThirdParty(tx, ctx, receipt, owner.userId);
    const terms = await termsFor(tx, receipt, owner, { depositId: target.depositId, returned });
    return requestApproval(tx, ctx, {
      action: ALLOCATE,
      subjectType: 'unallocated_receipt',
      subjectId: receipt.id,
      subjectUserId: owner.userId,
      payload: allocationPayload(receipt, target, { terms, returned }),
      quorum: 1,
      checkerRoles: CHECKERS,
      reason: input.reason,
    });
  });
}

/**
 * Asks another person to send unallocated money back to where it came from; one of compliance where they were
 * told of its payer.
 * @effects one row of `approvals`; audit `restricted_approval.requested`
 * @errors not_found, self_action, receipt_closed, receipt_does_not_fit, debt_open, approval_pending_exists
 */
export async function returnReceipt(
  ctx: Ctx,
  input: { readonly receiptId: Id; readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const receipt = await findReceipt(tx, input.receiptId);
    const subjectUserId = await refuseOwnReceipt(tx, ctx, receipt);
    if (receipt.status !== 'open') {
      throw refuseFunding('receipt_closed');
    }
    return requestApproval(tx, ctx, {
      action: RETURN,
      subjectType: 'unallocated_receipt',
      subjectId: receipt.id,
      subjectUserId,
      payload: await returnPayload(tx, ctx, receipt),
      quorum: 1,
      checkerRoles: (await wasTold(tx, ctx, receipt)) ? FLAGGED_RETURNERS : CHECKERS,
      reason: input.reason,
    });
  });
}

/** What the last vote on an allocation does. */
export const receiptAllocation: ApprovalAction = {
  action: ALLOCATE,
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { depositId, accountId } = approved.payload as { depositId: Id | null; accountId: Id };
    const known = await findReceipt(tx, approved.subjectId);
    await refuseOwnVote(tx, ctx, known, approved);
    const owner = await accountOwner(tx, ctx, accountId);
    await lockCreditPathOf(tx, owner);
    // What its line names is locked as well: whether that was credited decides on the fee.
    const namedId = depositId ?? known.depositId;
    const named = namedId === null ? undefined : await lockRow(tx, deposits, namedId);
    const receipt = await lockOpenReceipt(tx, approved.subjectId);
    if (depositId === null) {
      refuseWaiting(named, owner);
    }
    const returned = await returnedPayout(tx, receipt);
    const terms = await termsFor(tx, receipt, owner, { depositId, returned });
    await refuseOtherAccount(tx, receipt, returned, { depositId, accountId });
    if (
      canonicalJson(allocationPayload(receipt, { depositId, accountId }, { terms, returned })) !==
      canonicalJson(approved.payload as Json)
    ) {
      throw refuseFunding('approved_request_changed');
    }
    refuseRest(receipt, returned);
    const deposit =
      terms === undefined
        ? present(named, 'deposits are never deleted')
        : await announceArrived(tx, ctx, receipt, owner, { ...terms, returned });
    refuseMisfit(receipt, deposit);
    const { approvalId } = approved;
    const { statementLineId, walletId: from } = receipt;
    const valueDate = await receiptValueDate(tx, receipt);
    const evidence = { statementLineId, approvalId };
    const { journalId } = await creditDeposit(tx, ctx, deposit, { from, valueDate, evidence });
    await closeReceipt(tx, ctx, receipt, { closingJournalId: journalId, depositId: deposit.id, approvalId });
  },
};

/**
 * What the last vote on a return does: the money is nobody's here any more, and waits to be paid to its payer. Whom it
 * was about owns what is paid: nothing of theirs leaves that their gate holds.
 */
export const receiptReturn: ApprovalAction = {
  action: RETURN,
  // It says whether compliance was told of the payer.
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const returned = await findReceipt(tx, approved.subjectId);
    await refuseOwnVote(tx, ctx, returned, approved);
    // Debts are left under the gate, which comes before the receipt.
    const owner = await ownerOfReceipt(tx, ctx, returned);
    await lockGates(tx, owner === null ? [] : [owner]);
    const receipt = await lockOpenReceipt(tx, approved.subjectId);
    if (canonicalJson(await returnPayload(tx, ctx, receipt)) !== canonicalJson(approved.payload as Json)) {
      throw refuseFunding('approved_request_changed');
    }
    const { bank } = await bankWallets(tx, ctx, await bankAccountOf(tx, receipt));
    const [closingJournalId] = await postJournals(tx, ctx, [
      {
        book: 'live',
        kind: 'withdrawal',
        referenceType: 'unallocated_receipt',
        referenceId: receipt.id,
        description: 'Money sent back to its payer',
        entries: [
          { walletId: receipt.walletId, amount: amountOf(-receipt.amount) },
          { walletId: bank, amount: receipt.amount },
        ],
      },
    ]);
    const { approvalId } = approved;
    const journalId = present(closingJournalId, 'one journal was posted');
    await closeReceipt(tx, ctx, receipt, {
      status: 'returned',
      closingJournalId: journalId,
      approvalId,
    });
    const { id: receiptId, asset, amount, statementLineId } = receipt;
    const sent = { receiptId, depositId: null, asset, amount, statementLineId };
    await openRepayment(tx, ctx, { ...sent, approvalId, journalIds: [journalId], walletId: bank });
  },
};

/** Staff whom a line is about ask for nothing on its money, wherever it is to go. @errors self_action */
async function refuseOwnReceipt(tx: Tx, ctx: Ctx, receipt: Receipt): Promise<Id | null> {
  for (const subject of await subjectsOfReceipt(tx, ctx, receipt)) {
    refuseSelfAction(ctx, subject);
  }
  return subjectOfReceipt(tx, ctx, receipt);
}

/** Nor do they decide on it. @errors self_approval */
async function refuseOwnVote(
  tx: Tx,
  ctx: Ctx,
  receipt: Receipt,
  { checkerIds }: { readonly checkerIds: readonly string[] },
): Promise<void> {
  const subjects = await subjectsOfReceipt(tx, ctx, receipt);
  if (subjects.some((subject) => checkerIds.includes(subject))) {
    throw refuse('self_approval');
  }
}

/** Once for a receipt and a customer: the import told of it where the line named their deposit. */
async function recordThirdParty(tx: Tx, ctx: Ctx, receipt: Receipt, userId: Id): Promise<void> {
  const payerName = (await counterpartyOf(tx, ctx, receipt.statementLineId))?.name ?? null;
  if (payerName === null || isSameHolder(payerName, await customerNameOf(tx, ctx, userId))) {
    return;
  }
  if (!(await lookedAtFor(tx, receipt)).has(userId)) {
    await openThirdPartyAlert(tx, ctx, { userId, payerName });
  }
}

/**
 * Whether compliance was told of the payer of this very line, for whomever it was held against. The reason of a
 * receipt is only the first thing that did not fit, and does not say so.
 */
export async function wasTold(tx: Tx, ctx: Ctx, receipt: Receipt): Promise<boolean> {
  const payerName = (await counterpartyOf(tx, ctx, receipt.statementLineId))?.name ?? null;
  if (payerName === null) {
    return false;
  }
  for (const userId of await lookedAtFor(tx, receipt)) {
    if (!isSameHolder(payerName, await customerNameOf(tx, ctx, userId))) {
      return true;
    }
  }
  return false;
}

/** For the payload of a vote on a receipt: what compliance was told of since it was asked for is asked for anew, of them. */
export async function toldOf(tx: Tx, ctx: Ctx, receipt: Receipt): Promise<{ readonly told?: true }> {
  return (await wasTold(tx, ctx, receipt)) ? { told: true } : {};
}

/** Whose name the payer was held against: of whom the import found the deposit, and of whom somebody asked to give it. */
async function lookedAtFor(tx: Tx, { id, depositId, reason }: Receipt): Promise<ReadonlySet<Id>> {
  const named =
    depositId === null || reason === 'reversal' || reason === 'currency_differs'
      ? []
      : await tx.select({ userId: deposits.userId }).from(deposits).where(eq(deposits.id, depositId));
  const asked = await tx
    .select({ userId: approvals.subjectUserId })
    .from(approvals)
    .where(and(eq(approvals.action, ALLOCATE), eq(approvals.subjectId, id)));
  return new Set([...named, ...asked].flatMap(({ userId }) => userId ?? []));
}

/** A deposit takes the amount it announced, as long as it waits for it. */
function refuseMisfit(receipt: Receipt, deposit: typeof deposits.$inferSelect): void {
  if (!depositMayBecome(deposit.status, 'cleared')) {
    throw refuseFunding('deposit_status_conflict');
  }
  if (deposit.asset !== receipt.asset || deposit.amount !== receipt.amount) {
    throw refuseFunding('receipt_does_not_fit');
  }
}

/** An account that can take money. @errors account_not_live, account_not_active */
async function refuseUnsuitable(tx: Tx, ctx: Ctx, { accountId }: Owner): Promise<void> {
  const { type, status } = await findAccount(tx, ctx, accountId);
  if (type !== 'live') {
    throw refuseFunding('account_not_live');
  }
  if (!accountAllows(status, 'money_in')) {
    throw refuseFunding('account_not_active');
  }
}

/** What the line of a receipt names. */
async function depositNamed(tx: Tx, { depositId }: Receipt): Promise<Deposit | undefined> {
  const [named] =
    depositId === null ? [] : await tx.select().from(deposits).where(eq(deposits.id, depositId));
  return named;
}

/** Money that an announcement of the same customer waits for is not credited beside it: it would be once more. */
function refuseWaiting(named: Deposit | undefined, { userId }: Owner): void {
  if (named !== undefined && named.userId === userId && depositMayBecome(named.status, 'failed')) {
    const detail = `Deposit ${named.id} is ${named.status}: allocate it to that, or fail that first.`;
    throw refuseFunding('deposit_status_conflict', { detail });
  }
}

/**
 * What is left of a settlement is a payment the provider can call back: it is credited by the provider's event, with
 * its clearing days, and once. What is left of a payout that came back is its customer's.
 */
function refuseRest({ restOf }: Receipt, returned: Withdrawal | undefined): void {
  if (restOf !== null && returned === undefined) {
    const detail =
      'What is left of a settlement is credited by the event of its payment. Allocate that, and explain this as a ' +
      'further provider_settlement; or explain it as house, or return it.';
    throw refuseFunding('receipt_does_not_fit', { detail });
  }
}

/**
 * As what a receipt is credited that goes to an account; undefined where it goes to a deposit, which says it itself. What
 * comes back of a payout was announced by nobody.
 */
async function termsFor(
  tx: Tx,
  { asset, amount, depositId: named }: Receipt,
  { userId }: Owner,
  { depositId, returned }: { readonly depositId: Id | null; readonly returned: Withdrawal | undefined },
): Promise<Terms | undefined> {
  const namedId = returned === undefined ? named : null;
  return depositId === null
    ? termsOfArrived(tx, { userId, asset, amount, method: null, namedId })
    : undefined;
}

/** Where nobody announced it the checkers see what they always saw. */
function allocationPayload(
  receipt: Receipt,
  target: { readonly depositId: Id | null; readonly accountId: Id | null },
  {
    terms,
    returned,
  }: { readonly terms?: Terms | undefined; readonly returned?: Withdrawal | undefined } = {},
): { readonly [key: string]: Json } {
  const { asset, statementLineId, walletId } = receipt;
  const announced =
    terms === undefined || terms.announcedId === null
      ? {}
      : { announcedId: terms.announcedId, method: terms.method, fee: formatAmount(terms.fee) };
  const amount = formatAmount(receipt.amount);
  const cited = returned === undefined ? {} : { returnsWithdrawalId: returned.id };
  return { ...target, asset, amount, statementLineId, walletId, ...announced, ...cited };
}

/**
 * With whose it is and whom it goes back to: what the checkers agree to, and what is opened and hashed anew at their
 * vote. What a customer had taken out, and has again, does not leave past what they owe.
 * @errors receipt_does_not_fit, debt_open
 */
async function returnPayload(tx: Tx, ctx: Ctx, receipt: Receipt): Promise<{ readonly [key: string]: Json }> {
  const returned = await returnedPayout(tx, receipt);
  await refuseUncompleted(tx, returned);
  await refuseFirmsShare(tx, receipt, returned);
  if (returned !== undefined) {
    await refuseWhileOwing(tx, returned.userId);
  }
  const ownerId = await ownerOfReceipt(tx, ctx, receipt);
  const payerHash = await payerHashOf(tx, ctx, receipt.statementLineId);
  const told = await toldOf(tx, ctx, receipt);
  const nobodys = allocationPayload(receipt, { depositId: null, accountId: null }, { returned });
  return { ...nobodys, ownerId, payerHash, ...told };
}

async function accountOwner(tx: Tx, ctx: Ctx, accountId: Id): Promise<Owner> {
  const { userId } = await findAccount(tx, ctx, accountId);
  return { userId, accountId };
}

/** A deposit that staff announce, so that it counts in every limit, has its clearing days and can be sent back. */
async function announceArrived(
  tx: Tx,
  ctx: Ctx,
  { id: receiptId, asset, amount }: Receipt,
  owner: Owner,
  { method, fee, announcedId, returned }: Terms & { readonly returned: Withdrawal | undefined },
): Promise<Deposit> {
  const wallet = await customerWallet(tx, ctx, { ...owner, book: 'live' }, asset);
  const metadata = {
    receiptId,
    ...(announcedId === null ? {} : { announcedId }),
    ...(returned === undefined ? {} : { returnsWithdrawalId: returned.id }),
  };
  const arrived = { walletId: wallet.id, asset, amount, fee, method, provider: 'manual', metadata };
  return recordDeposit(tx, ctx, { ...owner, ...arrived });
}

/** The day the bank had the money of a receipt. @units YYYY-MM-DD */
export async function receiptValueDate(tx: Tx, { statementLineId }: Receipt): Promise<string> {
  const [line] = await tx
    .select({ valueDate: bankStatementLines.valueDate })
    .from(bankStatementLines)
    .where(eq(bankStatementLines.id, statementLineId));
  return present(line, 'a receipt has its line').valueDate;
}

/** The bank account whose statement showed a receipt. */
export async function bankAccountOf(tx: Tx, { statementLineId }: Receipt) {
  const [found] = await tx
    .select({ account: bankAccounts })
    .from(bankStatementLines)
    .innerJoin(bankStatements, eq(bankStatements.id, bankStatementLines.statementId))
    .innerJoin(bankAccounts, eq(bankAccounts.id, bankStatements.bankAccountId))
    .where(eq(bankStatementLines.id, statementLineId));
  return present(found, 'an imported statement is of a bank account').account;
}
