/**
 * What a person owes the firm: money that was taken back after it had been spent. It lies in a house
 * wallet of its own for each debtor, below zero by the signs of the house, and is repaid first from what
 * comes in next. No other person's money ever makes it smaller.
 */
import { personOf } from '../../kernel/actor.ts';
import { amountOf } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { accountAllows, accountsByIds } from '../accounts/index.ts';
import { gateRefusal, lockGates } from '../identity/index.ts';
import {
  houseWallet,
  lockSpendable,
  owes,
  type PayingWallet,
  payingWallets,
  type Receivable,
  readReceivables,
  receivableWallets,
  refuseWhileOwing,
  repayDebt,
} from '../ledger/index.ts';

/** The debtor that the firm is for what banks took from its clients' money. */
export const FIRM_AS_DEBTOR = 'firm';

/** The wallet a person's debt in one asset lies in, made on first use. */
export async function debtWallet(tx: Tx, ctx: Ctx, userId: Id, asset: string): Promise<Id> {
  const house = { role: 'receivable', reference: userId, book: 'live', asset } as const;
  return (await houseWallet(tx, ctx, house)).id;
}

/** Debts that are not repaid: a customer's own, or for staff everybody's. @errors invalid_cursor */
export async function listDebts(
  ctx: Ctx,
  query: PageRequest & { readonly userId?: Id | undefined },
): Promise<Page<Receivable>> {
  const key = ctx.deps.keyring.cursorKey;
  // House wallets are no customer's rows, so that their own login cannot read what they owe.
  const of = ctx.login === 'staff' ? query.userId : present(personOf(ctx.actor), 'a person asks');
  const listing = `debts ${of ?? ''}`;
  const [before] = query.cursor === undefined ? [] : readCursor(key, listing, query.cursor);
  const rows = await transact(ctx, ctx.login === 'staff' ? 'staff' : 'engine', (tx) =>
    readReceivables(tx, of, { before, limit: query.limit + 1 }),
  );
  return cutPage(key, listing, rows, query.limit, (row) => [row.id]);
}

/**
 * Repays debts from whatever came in otherwise than by a deposit, and from what was reserved when the debt
 * arose: each from its debtor's own live wallets of the same asset. Where money may not leave, it stays.
 * @effects journals `adjustment`, each in a transaction of its own; audit `debt.repaid`
 */
export async function collectDebts(ctx: Ctx): Promise<void> {
  for (const wallet of await transact(ctx, 'engine', payingWallets)) {
    await transact(ctx, 'engine', (tx) => collect(tx, ctx, wallet));
  }
}

/**
 * Repays from a wallet what its owner owes, before anything else leaves it. Whoever still owes, in whatever
 * currency, withdraws in none: else the money were changed into another and gone.
 * @effects perhaps a journal `adjustment`; audit `debt.repaid`
 * @errors debt_open
 */
export async function repayBeforeLeaving(tx: Tx, ctx: Ctx, wallet: PayingWallet): Promise<void> {
  if (!(await owes(tx, wallet.userId))) {
    return;
  }
  await collectFromWallet(tx, ctx, wallet);
  await refuseWhileOwing(tx, wallet.userId);
}

async function collectFromWallet(tx: Tx, ctx: Ctx, wallet: PayingWallet): Promise<void> {
  const owed = await receivableWallets(tx, [wallet.userId], wallet.asset);
  if (owed.length === 0) {
    return;
  }
  const locked = await lockSpendable(tx, ctx, [wallet.id, ...owed]);
  const own = present(locked.get(wallet.id), 'wallets are never deleted');
  // What can still be called back is not the customer's to pay with yet.
  const limit = amountOf(own.total - own.reserved - own.unsettled);
  const debtor = { userId: wallet.userId, walletId: wallet.id, asset: wallet.asset };
  await repayDebt(tx, ctx, debtor, { limit, referenceType: 'wallet', referenceId: wallet.id });
}

async function collect(tx: Tx, ctx: Ctx, wallet: PayingWallet): Promise<void> {
  const gate = (await lockGates(tx, [wallet.userId])).get(wallet.userId);
  const account = (await accountsByIds(tx, [wallet.accountId])).get(wallet.accountId);
  const may = account !== undefined && accountAllows(account.status, 'money_out');
  if (may && gateRefusal(gate, 'money_out') === null) {
    await collectFromWallet(tx, ctx, wallet);
  }
}
