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
import { findAccount } from '../accounts/index.ts';
import { openThirdPartyAlert } from '../aml/index.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { customerWallet, lockWallets, postJournals, receivableWallets } from '../ledger/index.ts';
import { CHECKERS } from './checkers.ts';
import { creditDeposit } from './credit-deposit.ts';
import { customerNameOf } from './customer-name.ts';
import { repayDebt } from './debts.ts';
import { refuseFunding } from './errors.ts';
import { bankAccounts, bankStatementLines, bankStatements } from './evidence/schema.ts';
import { isSameHolder } from './holder-name.ts';
import { lockCreditPathOf } from './lock-money-path.ts';
import { payerHashOf } from './paid-back-to.ts';
import { bankWallets, closeReceipt, lockOpenReceipt, type Receipt } from './receipts.ts';
import { depositMayBecome } from './rules.ts';
import { deposits } from './schema.ts';
import { counterpartyOf, findReceipt } from './statement-store.ts';
import { findDeposit } from './store.ts';
import { watchReceipt } from './watch-money.ts';

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
 * Asks another person to give unallocated money to a deposit, or to an account no deposit was announced for.
 * Where the bank names somebody else as payer, compliance hears of it first: the customer's gate is shut until they
 * agree, and the vote waits for it.
 * @effects one row of `approvals`, perhaps an alert on the payer; audit
 *   `restricted_approval.requested`
 * @errors not_found, self_action, receipt_closed, deposit_status_conflict, receipt_does_not_fit,
 *   approval_pending_exists
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
    if (receipt.status !== 'open') {
      throw refuseFunding('receipt_closed');
    }
    refuseRest(receipt);
    if (depositId !== undefined) {
      const deposit = await findDeposit(tx, ctx, depositId);
      refuseMisfit(receipt, deposit);
    }
    await recordThirdParty(tx, ctx, receipt, owner.userId);
    return requestApproval(tx, ctx, {
      action: ALLOCATE,
      subjectType: 'unallocated_receipt',
      subjectId: receipt.id,
      subjectUserId: owner.userId,
      payload: allocationPayload(receipt, { depositId: depositId ?? null, accountId: owner.accountId }),
      quorum: 1,
      checkerRoles: CHECKERS,
      reason: input.reason,
    });
  });
}

/**
 * Asks another person to send unallocated money back to where it came from; one of compliance where they were
 * told of its payer.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, receipt_closed, approval_pending_exists
 */
export async function returnReceipt(
  ctx: Ctx,
  input: { readonly receiptId: Id; readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const receipt = await findReceipt(tx, input.receiptId);
    if (receipt.status !== 'open') {
      throw refuseFunding('receipt_closed');
    }
    return requestApproval(tx, ctx, {
      action: RETURN,
      subjectType: 'unallocated_receipt',
      subjectId: receipt.id,
      subjectUserId: null,
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
    const owner = await accountOwner(tx, ctx, accountId);
    await lockCreditPathOf(tx, owner);
    const deposit = depositId === null ? undefined : await lockRow(tx, deposits, depositId);
    const receipt = await lockOpenReceipt(tx, approved.subjectId);
    if (
      canonicalJson(allocationPayload(receipt, { depositId, accountId })) !==
      canonicalJson(approved.payload as Json)
    ) {
      throw refuseFunding('approved_request_changed');
    }
    refuseRest(receipt);
    const valueDate = await receiptValueDate(tx, receipt);
    const { approvalId } = approved;
    if (deposit !== undefined) {
      refuseMisfit(receipt, deposit);
      const { statementLineId } = receipt;
      const credit = { from: receipt.walletId, valueDate, evidence: { statementLineId, approvalId } };
      const { journalId } = await creditDeposit(tx, ctx, deposit, credit);
      await closeReceipt(tx, ctx, receipt, { closingJournalId: journalId, depositId, approvalId });
      return;
    }
    const closingJournalId = await creditAccount(tx, ctx, receipt, owner, valueDate);
    await closeReceipt(tx, ctx, receipt, { closingJournalId, accountId, approvalId });
  },
};

/** What the last vote on a return does: the bank has the money no longer. */
export const receiptReturn: ApprovalAction = {
  action: RETURN,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
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
    await closeReceipt(tx, ctx, receipt, {
      status: 'returned',
      closingJournalId: present(closingJournalId, 'one journal was posted'),
      approvalId,
    });
  },
};

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

/**
 * What is left of a settlement is a payment the provider can call back: it is credited by the provider's event, with
 * its clearing days, and once.
 */
function refuseRest({ restOf }: Receipt): void {
  if (restOf !== null) {
    const detail =
      'What is left of a settlement is credited by the event of its payment. Allocate that, and explain this as a ' +
      'further provider_settlement; or explain it as house, or return it.';
    throw refuseFunding('receipt_does_not_fit', { detail });
  }
}

function allocationPayload(
  receipt: Receipt,
  target: { readonly depositId: Id | null; readonly accountId: Id | null },
): { readonly [key: string]: Json } {
  const { asset, statementLineId, walletId } = receipt;
  return { ...target, asset, amount: formatAmount(receipt.amount), statementLineId, walletId };
}

/** With whom it goes back to: what the checkers agree to, and what is opened and hashed anew at their vote. */
async function returnPayload(tx: Tx, ctx: Ctx, receipt: Receipt): Promise<{ readonly [key: string]: Json }> {
  const payerHash = await payerHashOf(tx, ctx, receipt.statementLineId);
  return { ...allocationPayload(receipt, { depositId: null, accountId: null }), payerHash };
}

async function accountOwner(tx: Tx, ctx: Ctx, accountId: Id): Promise<Owner> {
  const { userId } = await findAccount(tx, ctx, accountId);
  return { userId, accountId };
}

async function creditAccount(
  tx: Tx,
  ctx: Ctx,
  receipt: Receipt,
  owner: Owner,
  valueDate: string,
): Promise<Id> {
  const wallet = await customerWallet(tx, ctx, { ...owner, book: 'live' }, receipt.asset);
  const owed = await receivableWallets(tx, [owner.userId], receipt.asset);
  await lockWallets(tx, [wallet.id, receipt.walletId, ...owed]);
  const reference = { referenceType: 'unallocated_receipt', referenceId: receipt.id };
  const [journalId] = await postJournals(tx, ctx, [
    {
      ...reference,
      book: 'live',
      kind: 'deposit',
      description: 'Money received and allocated',
      valueDate,
      entries: [
        { walletId: receipt.walletId, amount: amountOf(-receipt.amount) },
        { walletId: wallet.id, amount: receipt.amount },
      ],
    },
  ]);
  const debtor = { userId: owner.userId, walletId: wallet.id, asset: receipt.asset };
  await repayDebt(tx, ctx, debtor, { ...reference, limit: receipt.amount });
  await watchReceipt(tx, ctx, receipt, owner);
  return present(journalId, 'one journal was posted');
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
