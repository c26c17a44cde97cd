import { eq, sql } from 'drizzle-orm';
import { amountOf, formatAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { addDays, dayOf } from '../../kernel/business-date.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { publish } from '../../platform/outbox/publish.ts';
import {
  houseWallet,
  lockWallets,
  openLots,
  postJournals,
  receivableWallets,
  repayDebt,
  requireAsset,
} from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { settlementDay } from './bank-days/settlement-day.ts';
import { CLEAR_DEPOSIT, clearancePayload } from './clearance-payload.ts';
import { refuseTooFewClearing } from './clearance-votes.ts';
import { refuseFunding } from './errors.ts';
import { depositEvent } from './funding-events.ts';
import { lockCreditPathOf } from './lock-money-path.ts';
import { refuseOpenReceipt } from './receipts.ts';
import { depositMayBecome, type FundingMethod } from './rules.ts';
import { clearingPeriods, deposits } from './schema.ts';
import { HOUSE_REFERENCE } from './settings.ts';
import { type Deposit, findDeposit } from './store.ts';
import { refuseTakenBack, refuseUnfitting } from './waiting-events.ts';
import { watchDeposit } from './watch-money.ts';

/** What the last vote on a clearance does. */
export const depositClearing: ApprovalAction = {
  action: CLEAR_DEPOSIT,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const known = await findDeposit(tx, ctx, approved.subjectId);
    await lockCreditPathOf(tx, known);
    const deposit = present(await lockRow(tx, deposits, known.id), 'deposits are never deleted');
    if (!depositMayBecome(deposit.status, 'cleared')) {
      throw refuseFunding('deposit_status_conflict');
    }
    if (canonicalJson(clearancePayload(deposit)) !== canonicalJson(approved.payload as Json)) {
      throw refuseFunding('approved_request_changed');
    }
    await refuseOpenReceipt(tx, deposit.id);
    await refuseTakenBack(tx, deposit.id);
    await refuseUnfitting(tx, deposit.id);
    const { approvalId, checkerIds } = approved;
    const metadata = await refuseTooFewClearing(tx, ctx, deposit, { approvalId, checkerIds });
    const from = await receivingWallet(tx, ctx, deposit);
    await creditDeposit(tx, ctx, deposit, { from, metadata, evidence: { approvalId } });
  },
};

/** Where the house has the money of a deposit that no bank statement shows yet. */
export async function receivingWallet(tx: Tx, ctx: Ctx, deposit: Deposit): Promise<Id> {
  const asset = await requireAsset(tx, deposit.asset);
  const role = asset.kind === 'fiat' ? 'client_money_bank' : 'custody';
  const manual = deposit.provider === 'manual';
  const house = await houseWallet(tx, ctx, {
    role: manual ? role : 'clearing',
    reference: manual ? HOUSE_REFERENCE : providerReference(deposit.provider),
    book: 'live',
    asset: asset.code,
  });
  return house.id;
}

/** Names the house wallet of what a payment provider has taken and not paid over yet. */
export function providerReference(provider: string): string {
  return `payments-${provider}`;
}

export type Credit = {
  /** The house wallet that has the money. */
  readonly from: Id;
  /** The day the money is worth; today unless given. @units YYYY-MM-DD */
  readonly valueDate?: string;
  /** Who paid, where a provider says so; a statement line says it itself. */
  readonly payerName?: string | undefined;
  /** What is kept with its journal. */
  readonly metadata?: { readonly [key: string]: Json };
  readonly evidence: Partial<Pick<Deposit, 'approvalId' | 'statementLineId' | 'providerEventId'>>;
};

/**
 * Credits a locked deposit, whose owner's gate the caller holds exclusively: the customer is owed more, the house has
 * it. The fee they were shown is taken from it, then what they owe the firm; what can still be called back cannot be
 * withdrawn yet.
 * @effects journals `deposit` and perhaps `fee`, perhaps one of a repayment, a lot where the asset is not
 *   money, `wallets.unsettled`, the deposit's row; audit `deposit.cleared`; event `funding.deposit_cleared`; those
 *   of `watchDeposit`
 */
export async function creditDeposit(tx: Tx, ctx: Ctx, before: Deposit, credit: Credit): Promise<Deposit> {
  const asset = await requireAsset(tx, before.asset);
  const clearedAt = ctx.deps.clock.now();
  const valueDate = credit.valueDate ?? dayOf(clearedAt, ctx.deps.timeZone);
  const journalIds = await postCredit(tx, ctx, before, { ...credit, valueDate });
  const net = amountOf(before.amount - before.fee);
  if (asset.kind !== 'fiat' && net > 0n) {
    const { walletId, userId, accountId } = before;
    const acquired = { walletId, userId, accountId, asset: asset.code, quantity: net };
    await openLots(tx, ctx, [{ ...acquired, cost: null, source: 'deposit', referenceId: before.id }]);
  }
  const reference = { referenceType: 'deposit', referenceId: before.id };
  const repaid = await repayDebt(tx, ctx, before, { ...reference, limit: net });
  const days = await clearingDays(tx, before.method);
  const settlementDate =
    asset.kind === 'fiat'
      ? await settlementDay(tx, { currency: asset.code, valueDate, days })
      : addDays(valueDate, days);
  // What cannot be called back is theirs at once, unless the bank itself says that it counts from a later day.
  const settled = days === 0 && settlementDate <= dayOf(clearedAt, ctx.deps.timeZone);
  const unsettled = settled ? amountOf(0n) : amountOf(net - repaid);
  await changeUnsettled(tx, before.walletId, unsettled);
  const [row] = await tx
    .update(deposits)
    .set({
      status: 'cleared',
      ...journalIds,
      ...credit.evidence,
      clearedAt,
      settlementDate,
      unsettled,
      version: before.version + 1,
    })
    .where(eq(deposits.id, before.id))
    .returning();
  const deposit = present(row, 'the deposit was locked');
  await record(tx, ctx, {
    event: FUNDING_EVENTS['deposit.cleared'],
    resource: { type: 'deposit', id: deposit.id },
    subjectUserId: deposit.userId,
    before,
    after: deposit,
  });
  await publish(tx, ctx, [depositEvent('funding.deposit_cleared', deposit)]);
  await watchDeposit(tx, ctx, deposit, credit.payerName);
  return deposit;
}

/** All of it is the customer's, and the fee the firm's: two journals, so that a take-back cites the first. */
async function postCredit(
  tx: Tx,
  ctx: Ctx,
  { id: referenceId, userId, walletId, asset, amount, fee, paymentReference }: Deposit,
  { from, valueDate, metadata = {} }: Credit & { readonly valueDate: string },
): Promise<Pick<Deposit, 'journalId' | 'feeJournalId'>> {
  const common = { book: 'live', referenceType: 'deposit', referenceId, valueDate } as const;
  const owed = await receivableWallets(tx, [userId], asset);
  const credit = {
    ...common,
    kind: 'deposit' as const,
    description: `Deposit ${paymentReference}`,
    metadata,
    entries: [
      { walletId, amount },
      { walletId: from, amount: amountOf(-amount) },
    ],
  };
  if (fee === 0n) {
    await lockWallets(tx, [walletId, from, ...owed]);
    const [journalId] = await postJournals(tx, ctx, [credit]);
    return { journalId: present(journalId, 'one journal was posted'), feeJournalId: null };
  }
  const earned = await houseWallet(tx, ctx, {
    role: 'fees_earned',
    reference: HOUSE_REFERENCE,
    book: 'live',
    asset,
  });
  await lockWallets(tx, [walletId, from, earned.id, ...owed]);
  const charge = {
    ...common,
    kind: 'fee' as const,
    description: `Fee of deposit ${paymentReference}`,
    entries: [
      { walletId, amount: amountOf(-fee) },
      { walletId: earned.id, amount: fee },
    ],
  };
  const [journalId, feeJournalId] = await postJournals(tx, ctx, [credit, charge]);
  return {
    journalId: present(journalId, 'two journals were posted'),
    feeJournalId: present(feeJournalId, 'two journals were posted'),
  };
}

/**
 * How long a way of paying in can be called back; a way without a row is none.
 * @units bank days from the value date; of coins days of the calendar
 * @errors method_not_supported
 */
export async function clearingDays(tx: Tx, method: FundingMethod): Promise<number> {
  const [period] = await tx.select().from(clearingPeriods).where(eq(clearingPeriods.method, method));
  if (period === undefined) {
    throw refuseFunding('method_not_supported');
  }
  return period.days;
}

/** Moves what a locked wallet has that cannot be withdrawn yet. */
export async function changeUnsettled(tx: Tx, walletId: Id, delta: bigint): Promise<void> {
  if (delta !== 0n) {
    await tx.execute(sql`
      update wallets set unsettled = unsettled + ${formatAmount(delta)}::numeric where id = ${walletId}`);
  }
}
