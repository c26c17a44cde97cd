/**
 * Whether a paper account is given play money. Pure. It is bounded by what its wallet may hold and by how often, so
 * that nobody fills the books with it; it obeys no gate, but nobody who is suspended is given any.
 */
import { type Amount, parseAmount, scaleOf } from '../../../kernel/amount.ts';
import { type Account, accountAllows } from '../../accounts/index.ts';
import type { Gate } from '../../identity/index.ts';
import type { LEDGER_PROBLEMS } from '../errors.ts';
import { paperRefusal } from '../transfers/rules.ts';

/** What a wallet may hold once it was given some. @units the account's base currency */
export const PLAY_MONEY_MAX: Amount = parseAmount('1000000');

/** How often an account is given some within a day. */
export const FUNDINGS_PER_DAY = 3;

export type FundingSituation = {
  readonly userId: string;
  readonly account: Pick<Account, 'userId' | 'type' | 'status'> | undefined;
  readonly gate: Gate | undefined;
  readonly asset: { readonly kind: string; readonly scale: number } | undefined;
  readonly amount: Amount;
};

/** Why not, in the order a caller hears it, as far as it does not depend on the wallet; null lets it pass. */
export function fundingRefusal(
  situation: FundingSituation,
): 'not_found' | keyof typeof LEDGER_PROBLEMS | null {
  const { userId, account, gate, asset, amount } = situation;
  if (account?.userId !== userId) {
    return 'not_found';
  }
  if (account.type !== 'paper') {
    return 'account_not_paper';
  }
  const gated = paperRefusal(gate);
  if (gated !== null) {
    return gated;
  }
  if (!accountAllows(account.status, 'money_in')) {
    return 'account_not_active';
  }
  // What has lots is bought.
  if (asset?.kind !== 'fiat') {
    return 'unknown_asset';
  }
  return scaleOf(amount) <= asset.scale ? null : 'amount_too_precise';
}

/** Why a wallet is not given that much now; null lets it pass. */
export function fullnessRefusal(
  wallet: { readonly status: string; readonly total: bigint; readonly fundingsOfDay: number },
  amount: Amount,
): keyof typeof LEDGER_PROBLEMS | null {
  if (wallet.status !== 'active') {
    return 'wallet_not_active';
  }
  if (wallet.fundingsOfDay >= FUNDINGS_PER_DAY) {
    return 'play_money_given_often';
  }
  return wallet.total + amount > PLAY_MONEY_MAX ? 'play_money_exceeded' : null;
}
