/**
 * Whether a transfer may be made, as far as it does not depend on balances. Pure. Both accounts are one
 * person's and of one book. Live money obeys the person's gate in both directions, since it leaves an account
 * and enters one; paper money obeys no gate, but nobody who is suspended moves it.
 */
import { type Amount, scaleOf } from '../../../kernel/amount.ts';
import { type Account, accountAllows } from '../../accounts/index.ts';
import { type Gate, gateRefusal } from '../../identity/index.ts';
import type { LEDGER_PROBLEMS } from '../errors.ts';

export type Party = Pick<Account, 'userId' | 'type' | 'status'>;

/** What of an asset a transfer needs to know. */
export type Movable = { readonly kind: string; readonly scale: number };

export type Situation = {
  readonly userId: string;
  readonly from: Party | undefined;
  readonly to: Party | undefined;
  readonly gate: Gate | undefined;
  readonly asset: Movable | undefined;
  readonly amount: Amount;
};

/** Why not, in the order a caller hears it; null lets it pass. */
export function transferRefusal(situation: Situation): 'not_found' | keyof typeof LEDGER_PROBLEMS | null {
  const { userId, from, to, gate, asset, amount } = situation;
  if (from?.userId !== userId || to?.userId !== userId) {
    return 'not_found';
  }
  if (from.type !== to.type) {
    return 'transfer_books_differ';
  }
  const gated = from.type === 'live' ? liveRefusal(gate) : paperRefusal(gate);
  if (gated !== null) {
    return gated;
  }
  if (!accountAllows(from.status, 'money_out') || !accountAllows(to.status, 'money_in')) {
    return 'account_not_active';
  }
  if (asset === undefined) {
    return 'unknown_asset';
  }
  return scaleOf(amount) <= asset.scale ? null : 'amount_too_precise';
}

function liveRefusal(gate: Gate | undefined) {
  return gateRefusal(gate, 'money_out') ?? gateRefusal(gate, 'money_in');
}

/** Why play money does not move; null where it may. */
export function paperRefusal(gate: Gate | undefined): 'account_restricted' | null {
  const active = gate !== undefined && gate.userStatus !== 'suspended' && gate.userStatus !== 'closed';
  return active ? null : 'account_restricted';
}
