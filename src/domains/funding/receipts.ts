/** Money on the bank account that found no deposit: booked, kept as work, and moved on once only. */
import { and, eq } from 'drizzle-orm';
import { type Amount, amountOf } from '../../kernel/amount.ts';
import { assert, present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { recordMany } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { houseWallet, type NewJournal, postJournals } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import type { bankAccounts } from './evidence/schema.ts';
import type { ReceiptReason } from './match-line.ts';
import { inParts } from './statement-lines.ts';
import { unallocatedReceipts } from './work/schema.ts';

export type Receipt = typeof unallocatedReceipts.$inferSelect;
export type BankAccount = typeof bankAccounts.$inferSelect;

export type NewReceipt = {
  readonly statementLineId: Id;
  readonly amount: Amount;
  readonly valueDate: string;
  readonly reason: ReceiptReason;
  readonly depositId: Id | null;
};

/** The house wallets of an account of clients' money: what lies there, and whose is not known. */
export async function bankWallets(
  tx: Tx,
  ctx: Ctx,
  { houseRole, houseReference: reference, currency: asset }: BankAccount,
): Promise<{ readonly bank: Id; readonly unallocated: Id }> {
  assert(houseRole === 'client_money_bank', 'nothing is booked by a statement of the firm’s own account');
  const house = { reference, book: 'live', asset } as const;
  const bank = await houseWallet(tx, ctx, { ...house, role: 'client_money_bank' });
  const unallocated = await houseWallet(tx, ctx, { ...house, role: 'unallocated_receipts' });
  return { bank: bank.id, unallocated: unallocated.id };
}

/**
 * Books what nobody can be credited with yet.
 * @effects a journal `deposit` and a row of `unallocated_receipts` for each; audit `unallocated_receipt.opened`
 */
export async function openReceipts(
  tx: Tx,
  ctx: Ctx,
  account: BankAccount,
  found: readonly NewReceipt[],
): Promise<void> {
  if (found.length === 0) {
    return;
  }
  const { bank, unallocated } = await bankWallets(tx, ctx, account);
  const drafts = found.map((receipt) => ({ ...receipt, id: newId() }));
  const journalIds = await postJournals(
    tx,
    ctx,
    drafts.map(({ id, amount, valueDate }) => ({
      book: 'live',
      kind: 'deposit',
      referenceType: 'unallocated_receipt',
      referenceId: id,
      description: 'Money received that is not allocated yet',
      valueDate,
      entries: [
        { walletId: unallocated, amount },
        { walletId: bank, amount: amountOf(-amount) },
      ],
    })),
  );
  const createdAt = ctx.deps.clock.now();
  const values = drafts.map(({ id, statementLineId, amount, reason, depositId }, index) => ({
    id,
    statementLineId,
    walletId: unallocated,
    asset: account.currency,
    amount,
    reason,
    depositId,
    status: 'open' as const,
    journalId: present(journalIds[index], 'a journal per receipt'),
    createdAt,
  }));
  const rows: Receipt[] = [];
  for (const some of inParts(values)) {
    rows.push(...(await tx.insert(unallocatedReceipts).values(some).returning()));
  }
  await recordMany(
    tx,
    ctx,
    rows.map((row) => ({
      event: FUNDING_EVENTS['unallocated_receipt.opened'],
      resource: { type: 'unallocated_receipt', id: row.id },
      subjectUserId: null,
      after: row,
    })),
  );
}

/**
 * Keeps open what a settlement, or the firm's share of a payout that came back, left of a locked receipt.
 * @effects one row of `unallocated_receipts`; audit `unallocated_receipt.opened`
 */
export async function openRest(
  tx: Tx,
  ctx: Ctx,
  { id: restOf, statementLineId, walletId, asset }: Receipt,
  rest: {
    readonly amount: Amount;
    readonly journalId: Id;
    readonly reason: 'rest_of_settlement' | 'returned_payout';
    /** What the line of a payout that came back names besides: that waits for the rest as for the whole. */
    readonly depositId?: Id | null;
  },
): Promise<void> {
  const values = {
    id: newId(),
    statementLineId,
    walletId,
    asset,
    ...rest,
    status: 'open',
    restOf,
    createdAt: ctx.deps.clock.now(),
  } as const;
  const [row] = await tx.insert(unallocatedReceipts).values(values).returning();
  await recordMany(tx, ctx, [
    {
      event: FUNDING_EVENTS['unallocated_receipt.opened'],
      resource: { type: 'unallocated_receipt', id: values.id },
      subjectUserId: null,
      after: present(row, 'the receipt was inserted'),
    },
  ]);
}

/** A receipt under its lock; only an open one moves on. @errors receipt_closed */
export async function lockOpenReceipt(tx: Tx, receiptId: Id): Promise<Receipt> {
  const receipt = await lockRow(tx, unallocatedReceipts, receiptId);
  if (receipt?.status !== 'open') {
    throw refuseFunding('receipt_closed');
  }
  return receipt;
}

/**
 * Says where the money of a locked receipt went.
 * @effects the receipt's row; audit `unallocated_receipt.closed`
 */
export async function closeReceipt(
  tx: Tx,
  ctx: Ctx,
  before: Receipt,
  closed: Pick<Receipt, 'closingJournalId'> &
    Partial<
      Pick<
        Receipt,
        'status' | 'depositId' | 'accountId' | 'approvalId' | 'explanation' | 'explainedJournalId'
      >
    >,
): Promise<void> {
  const [row] = await tx
    .update(unallocatedReceipts)
    .set({
      status: 'allocated',
      ...closed,
      closedAt: ctx.deps.clock.now(),
      version: before.version + 1,
    })
    .where(eq(unallocatedReceipts.id, before.id))
    .returning();
  await recordMany(tx, ctx, [
    {
      event: FUNDING_EVENTS['unallocated_receipt.closed'],
      resource: { type: 'unallocated_receipt', id: before.id },
      subjectUserId: null,
      before,
      after: present(row, 'the receipt was locked'),
    },
  ]);
}

/**
 * Opens a locked receipt again whose money was returned in the books and not paid.
 * @effects the receipt's row; audit `unallocated_receipt.opened`
 */
export async function reopenReceipt(tx: Tx, ctx: Ctx, before: Receipt): Promise<void> {
  const [row] = await tx
    .update(unallocatedReceipts)
    .set({
      status: 'open',
      closingJournalId: null,
      approvalId: null,
      closedAt: null,
      version: before.version + 1,
    })
    .where(eq(unallocatedReceipts.id, before.id))
    .returning();
  await recordMany(tx, ctx, [
    {
      event: FUNDING_EVENTS['unallocated_receipt.opened'],
      resource: { type: 'unallocated_receipt', id: before.id },
      subjectUserId: null,
      before,
      after: present(row, 'the receipt was locked'),
    },
  ]);
}

/** Moves a locked receipt's money on, as what it was; its wallets are locked. @shape the journal */
export async function postOnReceipt(
  tx: Tx,
  ctx: Ctx,
  { id: referenceId }: Receipt,
  posting: Pick<NewJournal, 'kind' | 'description' | 'valueDate' | 'entries' | 'reversesId'>,
): Promise<Id> {
  const reference = { referenceType: 'unallocated_receipt', referenceId } as const;
  const [journalId] = await postJournals(tx, ctx, [{ ...posting, ...reference, book: 'live' }]);
  return present(journalId, 'one journal was posted');
}

/** Money that waits for this very deposit is allocated to it; clearing would credit it a second time. */
export async function refuseOpenReceipt(tx: Tx, depositId: Id): Promise<void> {
  if (await hasOpenReceipt(tx, depositId)) {
    throw refuseFunding('deposit_has_receipt');
  }
}

/** Whether money that names a deposit is not allocated yet. */
export async function hasOpenReceipt(tx: Tx, depositId: Id): Promise<boolean> {
  const [waiting] = await tx
    .select({ id: unallocatedReceipts.id })
    .from(unallocatedReceipts)
    .where(and(eq(unallocatedReceipts.depositId, depositId), eq(unallocatedReceipts.status, 'open')));
  return waiting !== undefined;
}
