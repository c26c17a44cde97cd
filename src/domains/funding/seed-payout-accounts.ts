import { newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { payoutAccounts } from './schema.ts';

export type PayoutAccount = {
  readonly asset: string;
  readonly holderName: string;
  readonly iban: string;
  readonly bic: string;
};

/**
 * Names the firm's account that each currency is paid from, where none is named yet.
 * @effects rows of `payout_accounts`; audit `payout_account.seeded` for each new one
 */
export async function seedPayoutAccounts(
  tx: Tx,
  ctx: Ctx,
  accounts: readonly PayoutAccount[],
): Promise<void> {
  await lockExclusive(tx, ['payout_accounts']);
  const known = await tx.selectDistinct({ asset: payoutAccounts.asset }).from(payoutAccounts);
  const rows = accounts
    .filter(({ asset }) => known.every((row) => row.asset !== asset))
    .map((account) => ({ ...account, id: newId(), createdAt: ctx.deps.clock.now() }));
  const added = rows.length === 0 ? [] : await tx.insert(payoutAccounts).values(rows).returning();
  for (const account of added) {
    await record(tx, ctx, {
      event: FUNDING_EVENTS['payout_account.seeded'],
      resource: { type: 'payout_account', id: account.id },
      subjectUserId: null,
      after: account,
    });
  }
}
