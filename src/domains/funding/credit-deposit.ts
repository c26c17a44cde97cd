import { eq } from 'drizzle-orm';
import { amountOf } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { houseWallet, openLots, postJournals, requireAsset } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { CLEAR_DEPOSIT, clearancePayload } from './clear-deposit.ts';
import { refuseFunding } from './errors.ts';
import { depositEvent } from './funding-events.ts';
import { lockMoneyPathOf } from './lock-money-path.ts';
import { depositMayBecome } from './rules.ts';
import { deposits } from './schema.ts';
import { HOUSE_REFERENCE } from './settings.ts';
import { type Deposit, findDeposit } from './store.ts';

/** What the last vote on a clearance does. */
export const depositClearing: ApprovalAction = {
  action: CLEAR_DEPOSIT,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const known = await findDeposit(tx, ctx, approved.subjectId);
    await lockMoneyPathOf(tx, known, 'money_in');
    const deposit = present(await lockRow(tx, deposits, known.id), 'deposits are never deleted');
    if (!depositMayBecome(deposit.status, 'cleared')) {
      throw refuseFunding('deposit_status_conflict');
    }
    if (canonicalJson(clearancePayload(deposit)) !== canonicalJson(approved.payload as Json)) {
      throw refuseFunding('approved_request_changed');
    }
    await creditDeposit(tx, ctx, deposit, approved.approvalId);
  },
};

/**
 * Credits a locked deposit: the customer is owed more, the house's bank or custodian holds more.
 * @effects journal `deposit`, a lot where the asset is not money, the deposit's row; audit
 *   `deposit.cleared`; event `funding.deposit_cleared`
 */
async function creditDeposit(tx: Tx, ctx: Ctx, before: Deposit, approvalId: Id): Promise<void> {
  const asset = await requireAsset(tx, before.asset);
  const house = await houseWallet(tx, ctx, {
    role: asset.kind === 'fiat' ? 'client_money_bank' : 'custody',
    reference: HOUSE_REFERENCE,
    book: 'live',
    asset: asset.code,
  });
  const [journalId] = await postJournals(tx, ctx, [
    {
      book: 'live',
      kind: 'deposit',
      referenceType: 'deposit',
      referenceId: before.id,
      description: `Deposit ${before.paymentReference}`,
      entries: [
        { walletId: before.walletId, amount: before.amount },
        { walletId: house.id, amount: amountOf(-before.amount) },
      ],
    },
  ]);
  if (asset.kind !== 'fiat') {
    const { walletId, userId, accountId, amount: quantity } = before;
    const acquired = { walletId, userId, accountId, asset: asset.code, quantity };
    await openLots(tx, ctx, [{ ...acquired, cost: null, source: 'deposit', referenceId: before.id }]);
  }
  const clearedAt = ctx.deps.clock.now();
  const [row] = await tx
    .update(deposits)
    .set({
      status: 'cleared',
      journalId: present(journalId, 'one journal was posted'),
      approvalId,
      clearedAt,
      settlementDate: clearedAt.slice(0, 10),
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
}
