/** What somebody of the firm is told of margin; each once per condition and day. */
import { formatAmount } from '../../../kernel/amount.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { FollowedInstrument } from '../../markets/index.ts';
import type { NewRiskAlert } from '../../risk/index.ts';
import type { Exits } from '../positions/exit-orders.ts';
import type { MarginWallet, MarkedPosition } from './read-margin.ts';

/**
 * Nobody stands for the price of a contract that somebody holds. One that is stale marks nothing; one that has no
 * age, or that a trade of the contract's own book made, marks and closes nobody out. Neither keeps other contracts of
 * an account from being closed.
 */
export function staleMarkAlert({ id, symbol, last, priceStale }: FollowedInstrument): NewRiskAlert {
  const why = priceStale ? 'stale' : 'not_vouched_for';
  return {
    kind: 'stale_mark',
    severity: 'high',
    condition: priceStale ? `stale_mark ${id}` : `stale_mark ${id} ${why}`,
    userId: null,
    accountId: null,
    instrumentId: id,
    details: { symbol, why, last: last === null ? null : formatAmount(last) },
  };
}

/**
 * The calls of a wallet that began in an hour are one occasion, and so are its liquidations: whoever brings them about and
 * ends them again and again, which takes an order and its cancel, or a threshold of their own, has nobody told of each.
 */
export function hourOf({ walletId }: MarginWallet, beganAt: Instant): string {
  return `${walletId} ${beganAt.slice(0, 13)}`;
}

/** An account has too little behind its positions. `of` tells one occasion from another. */
export function marginAlert(
  wallet: MarginWallet,
  what: 'called' | 'overdue' | 'not_liquidated',
  of: string,
): NewRiskAlert {
  return {
    kind: 'margin_call',
    severity: what === 'called' ? 'high' : 'critical',
    condition: `margin_call ${of} ${what}`,
    ...ownerOf(wallet),
    details: { what, ...figuresOf(wallet) },
  };
}

/** The firm closes positions of an account, cannot, or is done. `of` tells one occasion from another. */
export function liquidationAlert(
  wallet: MarginWallet,
  what: string,
  liquidationId: string,
  of = liquidationId,
): NewRiskAlert {
  return {
    kind: 'liquidation',
    severity: what === 'ended' ? 'high' : 'critical',
    condition: `liquidation ${of} ${what}`,
    ...ownerOf(wallet),
    details: { what, liquidationId, ...figuresOf(wallet, wallet.judged) },
  };
}

/** An exit of a position was triggered, and the position cannot be closed. */
export function exitAlert(
  { row, instrument, price }: MarkedPosition,
  { positionId, userId, accountId, triggered, triggerMark }: Exits,
  why: string,
): NewRiskAlert {
  return {
    kind: 'position_exit',
    severity: 'high',
    condition: `position_exit ${positionId} ${why}`,
    userId,
    accountId,
    instrumentId: instrument.id,
    details: {
      what: why,
      positionId,
      symbol: row.symbol,
      exit: triggered,
      triggerMark: triggerMark === null ? null : formatAmount(triggerMark),
      mark: formatAmount(price),
      quantity: formatAmount(row.quantity),
    },
  };
}

/** How an account stands, in words that stand in events too. @units asset */
export function figuresOf({ asset, state: marked }: MarginWallet, state = marked) {
  return {
    asset,
    equity: formatAmount(state.equity),
    initialMargin: formatAmount(state.initial),
    maintenanceMargin: formatAmount(state.maintenance),
    marginLevel: state.level === null ? null : formatAmount(state.level),
    cureAt: formatAmount(state.cureAt),
  };
}

function ownerOf({ userId, accountId }: MarginWallet) {
  return { userId, accountId, instrumentId: null };
}
