import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { type Account, accountAllows, accountsByIds } from '../../accounts/index.ts';
import { gateRefusal, lockGates } from '../../identity/index.ts';
import { refuseLedger } from '../errors.ts';

/**
 * Locks the gate of an account's owner and obeys it and the account's status (I8): converting is trading in
 * currencies. Paper money obeys no gate. The gate's lock holds the account's status too: whoever freezes or
 * closes an account excludes it first.
 * @errors kyc_not_approved, account_restricted, under_review, agreements_outdated, account_not_active
 */
export async function lockConversionPath(
  tx: Tx,
  owner: { readonly userId: Id; readonly accountId: Id },
): Promise<Account> {
  const gate = (await lockGates(tx, [owner.userId])).get(owner.userId);
  const known = await accountsByIds(tx, [owner.accountId]);
  const account = present(known.get(owner.accountId), 'the account of a conversion exists');
  const refusal = account.type === 'live' ? gateRefusal(gate, 'trade') : null;
  if (refusal !== null) {
    throw refuseLedger(refusal);
  }
  if (!accountAllows(account.status, 'trade')) {
    throw refuseLedger('account_not_active');
  }
  return account;
}
