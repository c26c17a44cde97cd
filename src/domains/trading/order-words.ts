/** What the reasons of orders mean, in words for clients: the contract says them. */
import type { CancelReason as EngineReason, OrderRejected } from './engine/event.ts';
import type { CancelReason as RequestedReason } from './record-cancel-requests.ts';
import type { RejectionReason } from './rules.ts';

const REJECTIONS: Readonly<Record<RejectionReason, string>> = {
  kyc_not_approved: 'who the person is has not been verified',
  account_restricted: 'the person may not trade now',
  under_review: 'something about the person is being looked at',
  account_not_active: 'the account is frozen, suspended or closed',
  agreements_outdated: 'new terms wait to be accepted',
  suitability_refused: 'the leverage is beyond what suits the risk the person said they bear',
  instrument_delisted: 'the instrument is not traded any more',
  instrument_halted: 'its trading is halted',
  instrument_not_tradable: 'it takes no orders here',
  circuit_breaker_active: 'trading of it, or of everything, is stopped',
  market_closed:
    'its exchange is not in a regular session, nor collecting orders of its kind for the opening',
  expires_in_past: 'the order would end before it begins',
  liquidation_open: 'the firm is closing contracts of the person: until it has, they open none',
  nothing_to_reduce: 'a reduce-only order finds nothing that it could reduce',
  reduce_exceeds_position: 'with the other reduce-only orders it asks for more than the position is',
  price_unavailable: 'the instrument has no price yet',
  price_stale:
    'nobody stands for its price: of orders without a price of their own, and of all that may open a contract',
  stop_on_wrong_side: 'the order would be triggered at once',
  trail_out_of_range: 'it would trail too far',
  exit_on_wrong_side: 'a take-profit or stop-loss does not lie beyond the price of its entry',
  price_outside_collar: 'the price reaches too far beyond the market',
  price_off_tick: 'the price is between two ticks',
  quantity_off_lot: 'the quantity is no whole number of lots',
  quantity_below_minimum: 'too few units',
  quantity_above_maximum: 'too many units',
  notional_too_small:
    'it is worth less than an order must be, or is too little for a lot, or for the fewest units',
  limit_missing: 'a risk limit that has to be there is not, or cannot be compared',
  limit_exceeded: 'a risk limit would be passed: `exceededLimit` says which kind',
  margin_not_enabled: 'the account may hold no positions: the firm grants margin',
  leverage_above_maximum: 'the leverage is beyond what the instrument or the account allows',
  margin_unknown:
    'its wallet stands behind a position whose price nobody has confirmed, so nobody knows what is free',
  loss_beyond_collateral:
    'it may close a contract at a price that takes more than what is behind the account',
  lot_not_available: 'a lot it names is not the account’s, or holds less',
  wallet_not_active: 'the wallet that pays is suspended',
  insufficient_funds: 'that wallet has less than the order has to reserve',
  group_refused: 'another order of its group was refused, which `groupRefusals` names',
};

const CANCELS: Readonly<
  Record<EngineReason | RequestedReason | OrderRejected['reason'] | 'insufficient_funds', string>
> = {
  requested: 'its owner asked',
  firm: 'the firm asked',
  expired: 'its time was over',
  restricted: 'person, account or wallet may not trade any more',
  delisted: 'the instrument is not traded any more',
  liquidation: 'the firm closes positions of the person',
  position_exit: 'it stood against the order that closes a position whose exit was triggered',
  price_stale:
    'nobody stands any more for the price of the contract that it would open, or that the firm closes',
  insufficient_margin: 'the margin no longer covers what it would open, or a loss needed its money',
  margin_not_enabled: 'the account may hold no positions any more',
  nothing_to_reduce:
    'a reduce-only order found nothing left to reduce: no position, or none beyond what open orders of the account at the venue may close already, which have to be cancelled first',
  settlement_failed: 'its trade could not be booked',
  ioc_remainder: 'an ioc order met no more orders within its limit',
  fok_unfillable: 'a fok order could not be filled whole',
  self_match: 'it would have traded with the same person',
  no_liquidity: 'a market order ran out of orders to trade with',
  price_cap:
    'a market order met only prices beyond its `priceCap`, or what the firm closes one too far from the mark',
  notional_too_small: 'what is left of its notional is less than one lot',
  reserved_units_sold: 'a sale by notional sold all the units it reserved, for less than that',
  post_only_would_cross: 'a post-only order would have traded at once',
  group: 'another order of its group traded or was triggered in its place, or was cancelled',
  parent_ended: 'its entry ended without a trade that sets it free',
  insufficient_funds: 'what it would reserve when its entry had ended was not there',
  venue_rejected: 'the venue refused it',
  venue_cancelled: 'the venue took it out',
  venue_never_received: 'its sending to the venue was cut off, and the venue never had it',
  venue_resolved: 'people found that the venue does not have it any more',
  halted: 'the instrument was halted or its exchange closed, and it cannot rest',
  invalid_instruction: 'the book could not take it',
  no_reference_price: 'there was no price to measure it by',
};

/** The reasons of a rejection, in words. */
export const REJECTION_WORDS = listOf(REJECTIONS);

/** The reasons of an early end, in words. */
export const CANCEL_WORDS = listOf(CANCELS);

function listOf(words: Readonly<Record<string, string>>): string {
  return Object.entries(words)
    .map(([reason, meaning]) => `- \`${reason}\`: ${meaning}`)
    .join('\n');
}
