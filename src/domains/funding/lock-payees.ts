import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRows } from '../../platform/db/locks.ts';
import { refuseFunding } from './errors.ts';
import { payeeRefusal } from './rules.ts';
import { beneficiaries } from './schema.ts';
import type { Beneficiary } from './store.ts';

/** The payees of withdrawals whose payout is to begin, locked before those are. */
export async function lockPayees(
  tx: Tx,
  withdrawals: readonly { readonly beneficiaryId: Id }[],
): Promise<readonly Beneficiary[]> {
  const ids = withdrawals.map((row) => row.beneficiaryId);
  return lockRows(tx, beneficiaries, ids);
}

/**
 * Holds the beginning of payouts to their payees as they are now: one that went back to review since the
 * withdrawal was asked for, or cools off anew after it, is not paid yet.
 * @errors beneficiary_not_usable
 */
export function refuseUnusable(ctx: Ctx, payees: readonly Beneficiary[]): void {
  const now = ctx.deps.clock.now();
  if (payees.some((payee) => payeeRefusal(payee, now) !== null)) {
    throw refuseFunding('beneficiary_not_usable');
  }
}
