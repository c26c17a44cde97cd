/**
 * The debts of customers, as every verb of the ledger and of funding obeys them: repaid from what comes in, and nothing
 * leaves to others past one that is open.
 */
import { type Amount, amountOf, minAmount, ZERO } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { LEDGER_EVENTS } from './audit.ts';
import { refuseLedger } from './errors.ts';
import { consumeLots } from './lots.ts';
import { postJournals } from './post-journals.ts';
import { readReceivables, receivableWallets } from './receivables.ts';
import { lockSpendable } from './release-expired.ts';
import { requireAsset } from './wallets.ts';

type Debtor = { readonly userId: Id; readonly walletId: Id; readonly asset: string };

/**
 * Repays from a customer wallet what its owner owes, as far as the limit and what is not reserved reach. Units take their
 * lots along by the method of their account (I16): the lots of the credit are open by then. While the margin of its
 * positions is unknown nothing is repaid; `collectDebts` does later.
 * @units limit: the credit it is repaid from, or what the wallet may part with
 * @effects perhaps a journal `adjustment`, lots of units; audit `debt.repaid`
 * @shape what was repaid
 */
export async function repayDebt(
  tx: Tx,
  ctx: Ctx,
  debtor: Debtor,
  credit: { readonly limit: Amount; readonly referenceType: string; readonly referenceId: Id },
): Promise<Amount> {
  const [owedId] = await receivableWallets(tx, [debtor.userId], debtor.asset);
  if (owedId === undefined) {
    return ZERO;
  }
  const locked = await lockSpendable(tx, ctx, [owedId, debtor.walletId]);
  const debt = amountOf(-present(locked.get(owedId), 'the wallet was found').total);
  const own = present(locked.get(debtor.walletId), 'the wallet was found');
  // What of it open positions have lost nobody knows: as long as that is so nothing leaves it.
  if (own.marginUnknown) {
    return ZERO;
  }
  const free = amountOf(own.total - own.reserved);
  const repaid = minAmount(minAmount(debt, credit.limit), free);
  if (repaid <= 0n) {
    return ZERO;
  }
  const [posted] = await postJournals(tx, ctx, [
    {
      book: 'live',
      kind: 'adjustment',
      referenceType: credit.referenceType,
      referenceId: credit.referenceId,
      description: 'Repayment of a debt',
      entries: [
        { walletId: debtor.walletId, amount: amountOf(-repaid) },
        { walletId: owedId, amount: repaid },
      ],
    },
  ]);
  const journalId = present(posted, 'one journal was posted');
  if ((await requireAsset(tx, debtor.asset)).kind !== 'fiat') {
    const gone = { walletId: debtor.walletId, quantity: repaid, proceeds: null };
    await consumeLots(tx, ctx, [{ ...gone, referenceType: 'journal', referenceId: journalId }]);
  }
  await record(tx, ctx, {
    event: LEDGER_EVENTS['debt.repaid'],
    resource: { type: 'wallet', id: owedId },
    subjectUserId: debtor.userId,
    after: { asset: debtor.asset, amount: repaid, journalId },
  });
  return repaid;
}

/**
 * Holds what would leave to its owner's debts as they are now: what was reserved before the debt arose stays reserved, and
 * goes to nobody else than whom it is owed. The caller holds the owner's gate.
 * @errors debt_open
 */
export async function refuseWhileOwing(tx: Tx, userId: Id): Promise<void> {
  if (await owes(tx, userId)) {
    throw refuseLedger('debt_open');
  }
}

/** Whether a person owes the firm anything, in whatever asset. */
export async function owes(tx: Tx, userId: Id): Promise<boolean> {
  return (await readReceivables(tx, userId, { limit: 1 })).length > 0;
}
