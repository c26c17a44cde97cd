import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { type Account, accountAllows, accountsByIds, findAccount } from '../accounts/index.ts';
import { type Gate, gateRefusal, lockGateExclusively, lockGates } from '../identity/index.ts';
import { refuseFunding } from './errors.ts';

type Move = 'money_in' | 'money_out';

export type MoneyPath = { readonly account: Account; readonly gate: Gate };

/**
 * Opens a money path for the account's owner: locks the gate and obeys it and the account (I8). The
 * gate's lock holds the account's status too: whoever freezes or closes an account excludes it first.
 * @errors not_found, kyc_not_approved, account_restricted, under_review, account_not_live,
 *   account_not_active
 */
export async function lockMoneyPath(tx: Tx, ctx: Ctx, accountId: Id, move: Move): Promise<MoneyPath> {
  const account = await findAccount(tx, ctx, accountId);
  return lockMoneyPathOf(tx, { userId: account.userId, accountId }, move);
}

/** The same for a stored row, whose composite key proved the owner when it was written. */
export async function lockMoneyPathOf(
  tx: Tx,
  owner: { readonly userId: Id; readonly accountId: Id },
  move: Move,
): Promise<MoneyPath> {
  const gate = (await lockGates(tx, [owner.userId])).get(owner.userId);
  const refusal = gateRefusal(gate, move);
  if (gate === undefined || refusal !== null) {
    throw refuseFunding(refusal ?? 'account_restricted');
  }
  const known = await accountsByIds(tx, [owner.accountId]);
  const account = present(known.get(owner.accountId), 'the account of a money path exists');
  if (account.type !== 'live') {
    throw refuseFunding('account_not_live');
  }
  if (!accountAllows(account.status, move)) {
    throw refuseFunding('account_not_active');
  }
  return { account, gate };
}

/**
 * Opens the path of a credit. What the monitoring finds in the credit may shut the gate in the same transaction, so
 * its lock is taken exclusively at once: to ask for more of a lock later could make two credits wait for each other.
 * @errors as `lockMoneyPath`
 */
export async function lockCreditPathOf(
  tx: Tx,
  owner: { readonly userId: Id; readonly accountId: Id },
): Promise<MoneyPath> {
  await lockGateExclusively(tx, owner.userId);
  return lockMoneyPathOf(tx, owner, 'money_in');
}
