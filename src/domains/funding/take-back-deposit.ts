import { eq } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount, minAmount, parseAmount, ZERO } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { lockGateExclusively, refuseSelfAction } from '../identity/index.ts';
import { consumeLots, lockSpendable, postJournals, requireAsset } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { CHECKERS } from './checkers.ts';
import { clearancePayload } from './clearance-payload.ts';
import { changeUnsettled, receivingWallet } from './credit-deposit.ts';
import { debtWallet } from './debts.ts';
import { drawOnDisputes, endDisputes, openDisputes } from './disputes/disputes.ts';
import { refuseFunding } from './errors.ts';
import type { InboundEvent } from './evidence/keep-event.ts';
import { bankAccounts, bankStatementLines, bankStatements } from './evidence/schema.ts';
import { depositEvent } from './funding-events.ts';
import { payerHashOf } from './paid-back-to.ts';
import { bankWallets } from './receipts.ts';
import { openRepayment } from './repayments/open-repayment.ts';
import { depositMayBecome } from './rules.ts';
import { deposits } from './schema.ts';
import { type Deposit, findDeposit } from './store.ts';

export type TakeBack = 'refunded' | 'charged_back';

const ACTIONS = { refunded: 'deposit.refund', charged_back: 'deposit.charge_back' } as const;

type TakingBack = {
  readonly to: TakeBack;
  /** All that has gone back then, earlier parts included. */
  readonly total: Amount;
  readonly evidence: Partial<Pick<Deposit, 'reversalApprovalId' | 'reversalEventId'>>;
  /** The events that opened the dispute which ended so. */
  readonly lost?: readonly InboundEvent[];
};

const NO_EVIDENCE = { reversalApprovalId: null, reversalEventId: null } as const;

/**
 * Asks another person to take a credited deposit back, or a part of it.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, self_action, deposit_status_conflict, refund_not_money, take_back_too_large,
 *   approval_pending_exists
 */
export async function requestTakeBack(
  ctx: Ctx,
  input: {
    readonly depositId: Id;
    readonly to: TakeBack;
    /** All that is left unless given. */
    readonly amount?: Amount | undefined;
    readonly reason: string;
  },
): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const deposit = await findDeposit(tx, ctx, input.depositId);
    refuseSelfAction(ctx, deposit.userId);
    await refuseUnlessMoney(tx, deposit, input.to);
    const left = amountOf(deposit.amount - deposit.takenBack);
    const amount = input.amount ?? left;
    if (amount > left) {
      throw refuseFunding('take_back_too_large');
    }
    return requestApproval(tx, ctx, {
      action: ACTIONS[input.to],
      subjectType: 'deposit',
      subjectId: deposit.id,
      subjectUserId: deposit.userId,
      payload: await takeBackPayload(tx, ctx, deposit, { amount, to: input.to }),
      quorum: 1,
      checkerRoles: CHECKERS,
      reason: input.reason,
    });
  });
}

/** What the last vote on a refund, which is to be paid then, and on a charge-back does. */
export const depositTakeBacks: readonly ApprovalAction[] = (['refunded', 'charged_back'] as const).map(
  (to) => ({
    action: ACTIONS[to],
    execute: async (ctx, approved) => {
      const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
      const known = await findDeposit(tx, ctx, approved.subjectId);
      // Alone: whoever saw under the gate that nothing is owed takes no money out past the debt this may leave.
      await lockGateExclusively(tx, known.userId);
      const deposit = present(await lockRow(tx, deposits, known.id), 'deposits are never deleted');
      await refuseUnlessMoney(tx, deposit, to);
      const amount = parseAmount((approved.payload as { readonly takeBack: string }).takeBack);
      const stored = await takeBackPayload(tx, ctx, deposit, { amount, to });
      if (canonicalJson(stored) !== canonicalJson(approved.payload as Json)) {
        throw refuseFunding('approved_request_changed');
      }
      const { approvalId } = approved;
      const total = amountOf(deposit.takenBack + amount);
      const back = { to, total, evidence: { reversalApprovalId: approvalId } };
      const { journalIds } = await takeBackDeposit(tx, ctx, deposit, back);
      if (to === 'refunded') {
        const { id: depositId, asset, statementLineId } = deposit;
        await openRepayment(tx, ctx, {
          depositId,
          receiptId: null,
          approvalId,
          journalIds,
          walletId: await houseOf(tx, ctx, deposit, back),
          asset,
          amount,
          statementLineId,
        });
      }
    },
  }),
);

/**
 * Takes a locked deposit's money back from its customer, all or a part. What is reserved stays reserved, unless for a
 * dispute of this deposit, and what is gone becomes their debt: their wallet never falls below zero, and nobody else's
 * money pays for it. With all of it every dispute of it ends.
 * The gate is not asked: whoever paid has the money already, and a book that denies it would be wrong. The
 * fee stays taken: the payment cost what it cost.
 * @effects journal `reversal` that cites the credit, or for a part journals `adjustment` that do, lots where the asset
 *   is not money, `wallets.unsettled`, the deposit's row; audit
 *   `deposit.refunded` or `deposit.charged_back`; event of the same name
 * @shape the deposit and the journals, of which there are two for a part that was spent in part
 */
export async function takeBackDeposit(
  tx: Tx,
  ctx: Ctx,
  before: Deposit,
  back: TakingBack,
): Promise<{ readonly deposit: Deposit; readonly journalIds: readonly Id[] }> {
  const { journalIds, debt } = await postTakeBack(tx, ctx, before, back);
  const unsettled = minAmount(before.unsettled, amountOf(before.amount - back.total));
  await changeUnsettled(tx, before.walletId, unsettled - before.unsettled);
  const [row] = await tx
    .update(deposits)
    .set({
      status: back.total === before.amount ? back.to : before.status,
      ...NO_EVIDENCE,
      ...back.evidence,
      reversalJournalId: present(journalIds[0], 'one journal was posted'),
      takenBack: back.total,
      debt: amountOf(before.debt + debt),
      unsettled,
      version: before.version + 1,
    })
    .where(eq(deposits.id, before.id))
    .returning();
  const after = present(row, 'the deposit was locked');
  await record(tx, ctx, {
    event: FUNDING_EVENTS[`deposit.${back.to}`],
    resource: { type: 'deposit', id: after.id },
    subjectUserId: after.userId,
    before,
    after,
  });
  const ended = (await openDisputes(tx, after.id)).flatMap((event) => {
    const isLost = back.lost?.some(({ id }) => id === event.id) === true;
    const reason = isLost ? ('dispute_lost' as const) : ('taken_back' as const);
    return isLost || back.total === after.amount ? [{ event, reason }] : [];
  });
  const deposit = await endDisputes(tx, ctx, after, ended);
  await publish(tx, ctx, [depositEvent(`funding.deposit_${back.to}`, deposit)]);
  return { deposit, journalIds };
}

/** Debt wallets first: the wallet of a person who owes is found or made before any is locked. */
async function postTakeBack(
  tx: Tx,
  ctx: Ctx,
  before: Deposit,
  back: TakingBack,
): Promise<{ readonly journalIds: readonly Id[]; readonly debt: Amount }> {
  const goes = amountOf(back.total - before.takenBack);
  const house = await houseOf(tx, ctx, before, back);
  const owed = await debtWallet(tx, ctx, before.userId, before.asset);
  const locked = await lockSpendable(tx, ctx, [before.walletId, house, owed]);
  const own = present(locked.get(before.walletId), 'a deposit has its wallet');
  const isActive = own.status === 'active';
  const free = isActive ? amountOf(own.total - own.reserved) : ZERO;
  // A dispute is about what is charged back; what people send back is of what is free first.
  const wanted = back.to === 'charged_back' ? goes : amountOf(goes - minAmount(free, goes));
  const drawn = isActive ? await drawOnDisputes(tx, ctx, before.id, wanted) : ZERO;
  const taken = minAmount(amountOf(free + drawn), goes);
  const debt = amountOf(goes - taken);
  const { reversalEventId, reversalApprovalId } = { ...NO_EVIDENCE, ...back.evidence };
  const takesBack = present(before.journalId, 'a cleared deposit has its journal');
  const common = {
    book: 'live',
    referenceType: 'deposit',
    referenceId: before.id,
    description: `${back.to === 'refunded' ? 'Refund' : 'Charge-back'} of deposit ${before.paymentReference}`,
    metadata: { takesBack, reversalEventId, reversalApprovalId },
  } as const;
  const legs = [
    { walletId: before.walletId, amount: amountOf(-taken) },
    { walletId: owed, amount: amountOf(-debt) },
  ].filter((leg) => leg.amount !== 0n);
  // A journal is reversed once and whole: what goes back in parts is corrected part by part.
  const journalIds = await postJournals(
    tx,
    ctx,
    goes === before.amount
      ? [
          {
            ...common,
            kind: 'reversal',
            reversesId: takesBack,
            entries: [...legs, { walletId: house, amount: goes }],
          },
        ]
      : legs.map((leg) => ({
          ...common,
          kind: 'adjustment',
          entries: [leg, { walletId: house, amount: amountOf(-leg.amount) }],
        })),
  );
  // Coins leave with their lots (I16); what is owed of them leaves with what repays it.
  if (taken > 0n && (await requireAsset(tx, before.asset)).kind !== 'fiat') {
    const disposal = { walletId: before.walletId, quantity: taken, proceeds: null };
    await consumeLots(tx, ctx, [{ ...disposal, referenceType: 'deposit', referenceId: before.id }]);
  }
  return { journalIds, debt };
}

/** A refund with whom it goes back to; a charge-back is the bank's own, which took it already. */
async function takeBackPayload(
  tx: Tx,
  ctx: Ctx,
  deposit: Deposit,
  { amount, to }: { readonly amount: Amount; readonly to: TakeBack },
): Promise<{ readonly [key: string]: Json }> {
  const { journalId, takenBack, statementLineId } = deposit;
  const sums = { takeBack: formatAmount(amount), takenBack: formatAmount(takenBack) };
  const back =
    to === 'refunded' ? { statementLineId, payerHash: await payerHashOf(tx, ctx, statementLineId) } : {};
  return { ...clearancePayload(deposit), ...sums, ...back, journalId };
}

/** Coins go back over their chain, as withdrawals do. */
async function refuseUnlessMoney(tx: Tx, deposit: Deposit, to: TakeBack): Promise<void> {
  if (!depositMayBecome(deposit.status, to)) {
    throw refuseFunding('deposit_status_conflict');
  }
  if ((await requireAsset(tx, deposit.asset)).kind !== 'fiat') {
    throw refuseFunding('refund_not_money');
  }
}

/**
 * Who has less of it now: the provider that took it back, who owes us that much less; else the bank where it
 * lay last, or whoever vouched for it.
 */
async function houseOf(tx: Tx, ctx: Ctx, deposit: Deposit, { evidence }: TakingBack): Promise<Id> {
  if (deposit.statementLineId === null || evidence.reversalEventId != null) {
    return receivingWallet(tx, ctx, deposit);
  }
  const [found] = await tx
    .select({ account: bankAccounts })
    .from(bankStatementLines)
    .innerJoin(bankStatements, eq(bankStatements.id, bankStatementLines.statementId))
    .innerJoin(bankAccounts, eq(bankAccounts.id, bankStatements.bankAccountId))
    .where(eq(bankStatementLines.id, deposit.statementLineId));
  const { bank } = await bankWallets(tx, ctx, present(found, 'a line is of a bank account').account);
  return bank;
}
