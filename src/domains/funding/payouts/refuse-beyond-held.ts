import { sql } from 'drizzle-orm';
import { amountOf, formatAmount, parseAmount, sumAmounts } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockWallets } from '../../ledger/index.ts';
import { refuseFunding } from '../errors.ts';
import { HOUSE_REFERENCE } from '../settings.ts';
import { houseWallets } from '../settle-payout.ts';
import type { Withdrawal } from '../store.ts';

/**
 * Keeps payouts from beginning that the account they leave from does not hold, with all that is on its way out of it
 * already. Which bank account pays what is in no file, nobody has said: all of them together hold that much. What is
 * read stays locked until the caller commits, so that two at once do not count the same money. Last of
 * the caller's locks.
 * @errors payout_beyond_held
 */
export async function refuseBeyondHeld(
  tx: Tx,
  ctx: Ctx,
  leaving: { readonly asset: string; readonly bankReference?: string },
  begun: readonly Withdrawal[],
): Promise<void> {
  const { asset, bankReference } = leaving;
  const { paidFrom, isMoney } = await houseWallets(tx, ctx, asset, bankReference ?? HOUSE_REFERENCE);
  const isAny = isMoney && bankReference === undefined;
  const locked = await lockWallets(tx, isAny ? await bankWalletsOf(tx, asset) : [paidFrom.id]);
  // A house wallet of money or units held is below zero by what it holds.
  const held = amountOf(-sumAmounts([...locked.values()].map(({ total }) => total)));
  const [underWay] = await tx.execute<{ sum: string }>(sql`
    select coalesce(sum(w.amount), 0)::text as sum
    from withdrawals w
      left join (payout_file_items i
        join payout_files f on f.id = i.file_id
        join payout_accounts a on a.id = f.payout_account_id
        left join bank_accounts b on b.iban = a.iban and b.currency = a.asset)
      on i.withdrawal_id = w.id and not exists (
        select 1 from payout_file_voids v where v.file_id = i.file_id)
    where w.asset = ${asset} and w.status in ('processing', 'unknown')
      and (${isAny}
        or coalesce(b.house_reference, ${HOUSE_REFERENCE}) = ${paidFrom.houseReference ?? HOUSE_REFERENCE})`);
  const free = held - parseAmount(present(underWay, 'a sum is one row').sum);
  if (sumAmounts(begun.map(({ amount }) => amount)) > free) {
    throw refuseFunding('payout_beyond_held', {
      detail: `It holds ${formatAmount(held)} ${asset}, with what is on its way.`,
    });
  }
}

async function bankWalletsOf(tx: Tx, asset: string): Promise<readonly Id[]> {
  const rows = await tx.execute<{ id: Id }>(sql`
    select id from wallets where house_role = 'client_money_bank' and book = 'live' and asset = ${asset}`);
  return rows.map(({ id }) => id);
}
