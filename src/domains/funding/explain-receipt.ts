/**
 * Money at the bank that is no customer's deposit, and what it was: booked by a journal before the bank showed it, paid
 * over by a provider for many deposits in one line, or the house's. Two people say so; what the receipt booked is
 * undone against it, so that nothing is in the books twice.
 */
import { eq, inArray, sql } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { type Amount, amountOf, formatAmount, parseAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow, lockRows } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { findEntry, lockWallets } from '../ledger/index.ts';
import { bankAccountOf, receiptValueDate, toldOf, wasTold } from './allocate-receipt.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { CHECKERS } from './checkers.ts';
import { refuseFunding } from './errors.ts';
import { type HouseMoney, houseMoneyWallet, refuseHouseMoney } from './house-money.ts';
import { readSettlement, type Settlement, settlementLegs } from './provider-settlement.ts';
import { subjectOfReceipt, subjectsOfReceipt } from './receipt-owner.ts';
import {
  bankWallets,
  closeReceipt,
  lockOpenReceipt,
  openRest,
  postOnReceipt,
  type Receipt,
} from './receipts.ts';
import { firmsShare, refuseOtherAccount, refuseUncompleted, returnedPayout } from './returned-payout.ts';
import { deposits, withdrawals } from './schema.ts';
import { findReceipt } from './statement-store.ts';
import type { Deposit } from './store.ts';
import { providerSettlements, unallocatedReceipts } from './work/schema.ts';

const EXPLAIN = 'unallocated_receipt.explain';

/**
 * Whoever agrees that money is the house's, or no evidence of a payer compliance was told of, is of compliance. So is
 * who agrees to a fee beside a rest: as much as the fee is beyond what was kept, the firm's debt is somebody's rest; and
 * to a payout that came back being money that was booked before, which is then no customer's.
 */
const WARY = ['compliance_officer', 'mlro'] as const satisfies readonly Role[];

export type ReceiptExplanation =
  /** A journal has the same amount reach the same bank account: what the firm put in, what came back. */
  | { readonly kind: 'booked'; readonly journalId: Id }
  | ({ readonly kind: 'provider_settlement' } & Settlement)
  /** Of a payout that came back: what the firm owes of it, because the bank had paid too much; the rest stays open. */
  | { readonly kind: 'house'; readonly house: HouseMoney };

type Payload = { readonly [key: string]: Json };

/**
 * Asks another person to agree what received money was.
 * @effects one row of `approvals`; audit `restricted_approval.requested`
 * @errors not_found, self_action, receipt_closed, receipt_does_not_fit, receipt_not_explained, approval_pending_exists
 */
export async function proposeReceiptExplanation(
  ctx: Ctx,
  input: { readonly receiptId: Id; readonly explanation: ReceiptExplanation; readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'engine', async (tx) => {
    const receipt = await findReceipt(tx, input.receiptId);
    for (const owner of await ownersOf(tx, ctx, receipt, input.explanation)) {
      refuseSelfAction(ctx, owner);
    }
    if (receipt.status !== 'open') {
      throw refuseFunding('receipt_closed');
    }
    const isWary =
      asksCompliance(input.explanation) ||
      (await returnedPayout(tx, receipt)) !== undefined ||
      (await wasTold(tx, ctx, receipt));
    return requestApproval(tx, ctx, {
      action: EXPLAIN,
      subjectType: 'unallocated_receipt',
      subjectId: receipt.id,
      subjectUserId: await subjectOfReceipt(tx, ctx, receipt),
      payload: await payloadOf(tx, ctx, receipt, input.explanation),
      quorum: 1,
      checkerRoles: isWary ? WARY : CHECKERS,
      reason: input.reason,
    });
  });
}

function asksCompliance(explanation: ReceiptExplanation): boolean {
  return explanation.kind === 'provider_settlement'
    ? explanation.fee > 0n && explanation.rest > 0n
    : explanation.kind === 'house';
}

/** What the vote on an explanation does. */
export const receiptExplaining: ApprovalAction = {
  action: EXPLAIN,
  // It says whether compliance was told of the payer.
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const explanation = explanationOf(approved.payload as Payload);
    const owners = await ownersOf(tx, ctx, await findReceipt(tx, approved.subjectId), explanation);
    if (owners.some((owner) => approved.checkerIds.includes(owner))) {
      throw refuse('self_approval');
    }
    const confirmed = await lockDeposits(tx, explanation);
    // Two receipts of one payout would both be what the firm owes of it.
    const back = await returnedPayout(tx, await findReceipt(tx, approved.subjectId));
    await lockRows(tx, withdrawals, back === undefined ? [] : [back.id]);
    const receipt = await lockOpenReceipt(tx, approved.subjectId);
    if (
      canonicalJson(await payloadOf(tx, ctx, receipt, explanation)) !==
      canonicalJson(approved.payload as Json)
    ) {
      throw refuseFunding('approved_request_changed');
    }
    const closingJournalId = await book(tx, ctx, receipt, explanation);
    await closeReceipt(tx, ctx, receipt, {
      status: 'explained',
      explanation: explanation.kind,
      explainedJournalId: explanation.kind === 'booked' ? explanation.journalId : null,
      closingJournalId,
      approvalId: approved.approvalId,
    });
    if (confirmed !== undefined) {
      await confirmDeposit(tx, ctx, confirmed, receipt.statementLineId);
    }
  },
};

/** Whom a receipt is about, and whose deposits an explanation speaks of: they neither ask for it nor decide it. */
async function ownersOf(
  tx: Tx,
  ctx: Ctx,
  receipt: Receipt,
  explanation: ReceiptExplanation,
): Promise<readonly Id[]> {
  const owners = await subjectsOfReceipt(tx, ctx, receipt);
  if (explanation.kind === 'house') {
    return owners;
  }
  const cited =
    explanation.kind === 'booked'
      ? eq(deposits.journalId, explanation.journalId)
      : inArray(deposits.id, [...explanation.depositIds]);
  const rows = await tx.select({ userId: deposits.userId }).from(deposits).where(cited);
  return [...owners, ...rows.map(({ userId }) => userId)];
}

/** Deposits before receipts. @shape the deposit that was cleared by hand and is confirmed by this */
async function lockDeposits(tx: Tx, explanation: ReceiptExplanation): Promise<Deposit | undefined> {
  if (explanation.kind === 'provider_settlement') {
    await lockRows(tx, deposits, explanation.depositIds);
  }
  if (explanation.kind !== 'booked') {
    return undefined;
  }
  const [cleared] = await tx
    .select({ id: deposits.id })
    .from(deposits)
    .where(eq(deposits.journalId, explanation.journalId));
  return cleared === undefined ? undefined : lockRow(tx, deposits, cleared.id);
}

/** The bank has shown what two people had vouched for: nothing moves any more. */
async function confirmDeposit(tx: Tx, ctx: Ctx, before: Deposit, statementLineId: Id): Promise<void> {
  const [row] = await tx
    .update(deposits)
    .set({ statementLineId, version: before.version + 1 })
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

/** What the checkers see, from the books as they are. @errors receipt_does_not_fit, receipt_not_explained */
async function payloadOf(
  tx: Tx,
  ctx: Ctx,
  receipt: Receipt,
  explanation: ReceiptExplanation,
): Promise<Payload> {
  const { asset, statementLineId, walletId } = receipt;
  const returned = await returnedPayout(tx, receipt);
  await refuseUncompleted(tx, returned);
  const firms = await firmsShare(tx, receipt, returned);
  const isFirms = explanation.kind === 'house' && firms > 0n && isOfFirm(explanation.house);
  if (explanation.kind !== 'booked' && !isFirms) {
    await refuseOtherAccount(tx, receipt, returned, { accountId: null, depositId: null });
  }
  const amount = formatAmount(receipt.amount);
  const cited = returned === undefined ? {} : { returnsWithdrawalId: returned.id };
  const told = await toldOf(tx, ctx, receipt);
  const common = { asset, amount, statementLineId, walletId, ...cited, ...told };
  switch (explanation.kind) {
    case 'booked':
      await refuseOtherJournal(tx, ctx, receipt, explanation.journalId);
      return { ...common, explanation: { ...explanation } };
    case 'provider_settlement': {
      const { provider, depositIds, fee, rest } = explanation;
      const { parts } = await readSettlement(tx, receipt, explanation);
      return {
        ...common,
        explanation: {
          kind: explanation.kind,
          provider,
          depositIds,
          fee: formatAmount(fee),
          ...(rest === 0n ? {} : { rest: formatAmount(rest) }),
        },
        deposits: parts.map((part) => ({ depositId: part.depositId, amount: formatAmount(part.amount) })),
      };
    }
    case 'house': {
      await refuseHouseMoney(tx, isFirms ? firmsPart(receipt, firms) : receipt, explanation.house);
      const split = isFirms
        ? { firms: formatAmount(firms), customers: formatAmount(amountOf(receipt.amount - firms)) }
        : {};
      return {
        ...common,
        ...split,
        explanation: { kind: explanation.kind, house: { ...explanation.house } },
      };
    }
  }
}

/** As an approval keeps it: amounts are texts. */
type KeptExplanation =
  | Exclude<ReceiptExplanation, { readonly kind: 'provider_settlement' }>
  | (Omit<Extract<ReceiptExplanation, { readonly kind: 'provider_settlement' }>, 'fee' | 'rest'> & {
      readonly fee: string;
      readonly rest?: string;
    });

function explanationOf({ explanation }: Payload): ReceiptExplanation {
  const kept = explanation as KeptExplanation;
  return kept.kind === 'provider_settlement'
    ? { ...kept, fee: parseAmount(kept.fee), rest: parseAmount(kept.rest ?? '0') }
    : kept;
}

async function book(tx: Tx, ctx: Ctx, receipt: Receipt, explanation: ReceiptExplanation): Promise<Id> {
  const valueDate = await receiptValueDate(tx, receipt);
  const gone = { walletId: receipt.walletId, amount: amountOf(-receipt.amount) };
  switch (explanation.kind) {
    case 'booked': {
      const { bank } = await bankWallets(tx, ctx, await bankAccountOf(tx, receipt));
      await lockWallets(tx, [bank, receipt.walletId]);
      // Whoever reverses the journal holds the bank's wallet too: it was undone before this, or is not any more.
      await refuseOtherJournal(tx, ctx, receipt, explanation.journalId);
      return postOnReceipt(tx, ctx, receipt, {
        kind: 'reversal',
        reversesId: receipt.journalId,
        description: 'Money received that was booked before',
        valueDate,
        entries: [gone, { walletId: bank, amount: receipt.amount }],
      });
    }
    case 'provider_settlement': {
      const { parts, legs } = await settlementLegs(tx, ctx, receipt, explanation);
      const receiptId = receipt.id;
      await tx.insert(providerSettlements).values(parts.map((part) => ({ ...part, receiptId })));
      const journalId = await postOnReceipt(tx, ctx, receipt, {
        kind: 'adjustment',
        description: `Paid over by ${explanation.provider}`,
        valueDate,
        entries: [gone, ...legs],
      });
      if (explanation.rest > 0n) {
        const reason = 'rest_of_settlement';
        await openRest(tx, ctx, receipt, { amount: explanation.rest, journalId, reason });
      }
      return journalId;
    }
    case 'house': {
      const returned = await returnedPayout(tx, receipt);
      const firms = await firmsShare(tx, receipt, returned);
      const houses = firms > 0n ? firmsPart(receipt, firms) : receipt;
      const { amount } = houses;
      const theirs = amountOf(receipt.amount - amount);
      const walletId = await houseMoneyWallet(tx, ctx, houses, explanation.house);
      const rest = theirs === 0n ? [] : [{ walletId: receipt.walletId, amount: theirs }];
      const journalId = await postOnReceipt(tx, ctx, receipt, {
        kind: 'adjustment',
        description: `Money of the house: ${explanation.house.role} ${explanation.house.reference}`,
        valueDate,
        entries: [gone, { walletId, amount }, ...rest],
      });
      if (theirs > 0n) {
        // The customer's, whose gate and account may take nothing in: it goes where any payout that comes back does.
        const { depositId } = receipt;
        await openRest(tx, ctx, receipt, { amount: theirs, journalId, reason: 'returned_payout', depositId });
      }
      return journalId;
    }
  }
}

/** The firm's of a payout that came back is no deposit's, whichever its line names besides. */
function firmsPart(receipt: Receipt, amount: Amount): Receipt {
  return { ...receipt, amount, depositId: null };
}

/** What the firm owes its clients' money, or may take out of it. */
function isOfFirm({ role }: HouseMoney): boolean {
  return role === 'receivable' || role === 'fees_earned';
}

/** What moves a bank by hand, what takes that back, and a credit that two people vouched for. */
const BOOKED_BY = ['approval', 'journal', 'deposit'];

/** The journal has this very amount reach this bank account, and explains no other receipt. */
async function refuseOtherJournal(tx: Tx, ctx: Ctx, receipt: Receipt, journalId: Id): Promise<void> {
  const { bank } = await bankWallets(tx, ctx, await bankAccountOf(tx, receipt));
  const amount: Amount = amountOf(-receipt.amount);
  const [other] = await tx
    .select({ id: unallocatedReceipts.id })
    .from(unallocatedReceipts)
    .where(eq(unallocatedReceipts.explainedJournalId, journalId));
  const [credit] = await tx.select().from(deposits).where(eq(deposits.journalId, journalId));
  const entry =
    (await findEntry(tx, { journalId, walletId: bank, amount })) ??
    (await findTakenBack(tx, receipt, credit, bank));
  // What the bank has shown for a deposit is that line, and no second one.
  const isShown = credit !== undefined && credit.statementLineId !== null;
  const fits = entry !== undefined && BOOKED_BY.includes(entry.referenceType);
  // What is left of a settlement was booked by the settlement's own journal.
  if (!fits || isShown || other !== undefined || receipt.restOf !== null) {
    throw refuseFunding('receipt_not_explained');
  }
}

/**
 * The credit of a deposit that was cleared by hand and is undone since: the money went back in the books before the bank
 * showed it, and its line is that deposit's still. Returned or allocated, it would go to somebody a second time.
 */
async function findTakenBack(
  tx: Tx,
  { amount }: Receipt,
  credit: Deposit | undefined,
  bank: Id,
): Promise<{ readonly referenceType: string } | undefined> {
  if (credit === undefined || credit.takenBack === 0n) {
    return undefined;
  }
  const [entry] = await tx.execute<{ referenceType: string }>(sql`
    select reference_type as "referenceType" from ledger_entries
    where journal_id = ${credit.journalId} and wallet_id = ${bank} and amount = ${formatAmount(amountOf(-amount))}::numeric`);
  return entry;
}
