import { sql } from 'drizzle-orm';
import type { Amount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { payerOf } from '../paid-back-to.ts';
import { payoutReferenceOf } from '../payout-reference.ts';
import { repayments } from '../work/schema.ts';
import { REPAYMENT_EVENTS } from './audit.ts';
import { isPayableByFile } from './payee-of.ts';
import { ownerOf } from './repayment-status.ts';

export type SentBack = {
  readonly depositId: Id | null;
  readonly receiptId: Id | null;
  readonly approvalId: Id;
  /** One, or two where part of a deposit had been spent. */
  readonly journalIds: readonly Id[];
  /** What the journals took it from. */
  readonly walletId: Id;
  readonly asset: string;
  readonly amount: Amount;
  readonly statementLineId: Id | null;
};

/**
 * Keeps what the books sent back from a bank as a payment to be made: by file where the bank named an account of the
 * payer that can be paid, else by hand at the bank.
 * @effects one row of `repayments`; audit `repayment.opened`
 */
export async function openRepayment(tx: Tx, ctx: Ctx, sent: SentBack): Promise<void> {
  const { journalIds, ...row } = sent;
  const [journalId, debtJournalId = null] = journalIds;
  const [wallet] = await tx.execute<{ role: string | null }>(sql`
    select house_role::text as role from wallets where id = ${sent.walletId}`);
  if (wallet?.role !== 'client_money_bank') {
    return;
  }
  const payer = sent.statementLineId === null ? null : await payerOf(tx, ctx, sent.statementLineId);
  const isPayable = await isPayableByFile(tx, ctx, sent);
  const id = newId();
  const [inserted] = await tx
    .insert(repayments)
    .values({
      ...row,
      id,
      journalId: present(journalId, 'what was sent back has its journal'),
      debtJournalId,
      payerHash: payer?.hash ?? null,
      payoutReference: payoutReferenceOf(id),
      status: isPayable ? 'payable' : 'by_hand',
      createdAt: ctx.deps.clock.now(),
    })
    .returning();
  const after = present(inserted, 'the repayment was inserted');
  await record(tx, ctx, {
    event: REPAYMENT_EVENTS['repayment.opened'],
    resource: { type: 'repayment', id },
    subjectUserId: await ownerOf(tx, after),
    after,
  });
}
