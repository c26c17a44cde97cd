/**
 * Whether an order is accepted, and what it reserves. Pure. `PRE_TRADE_CHECKS` is the one order of
 * precedence: the first check that refuses gives the reason the order is stored with, and within a
 * check the reasons stand in their order too. What it does not decide: whether the order trades.
 */
import {
  type Amount,
  amountOf,
  isMultipleOf,
  MAX_AMOUNT,
  maxAmount,
  minAmount,
  ONE,
  ZERO,
} from '../../kernel/amount.ts';
import type { Instant } from '../../kernel/time.ts';
import { type RiskProfile, suitableLeverage } from '../identity/index.ts';
import type { LimitRefusal, Wanted } from '../risk/index.ts';
import { anchorOf, isOnTick, type OrderType, triggerRefusal, waitsForPrice } from './held-orders.ts';
import { notionalRefusal, sizedAtLimit, unitsAt } from './notional.ts';
import { nearer, worstClosing } from './positions/closing-bound.ts';
import { type ContractStanding, outgrowsAmounts } from './positions/contract-orders.ts';
import { collarPrice, principalOf } from './reservation.ts';
import { reservationOf, sellsByNotional } from './reserve-order.ts';

export type Instruction = {
  readonly side: 'buy' | 'sell';
  readonly type: OrderType;
  readonly timeInForce: 'day' | 'gtc' | 'ioc' | 'fok' | 'gtd';
  /** What is asked for names one of the two; beside a limit price a notional is turned into units (notional.ts). */
  readonly quantity: Amount | null;
  readonly notional: Amount | null;
  readonly limitPrice: Amount | null;
  readonly stopPrice: Amount | null;
  readonly trailAmount: Amount | null;
  /** @units per cent */
  readonly trailPercent: Amount | null;
  readonly reduceOnly: boolean;
  /** When a gtd order ends. */
  readonly expiresAt: Instant | null;
  /** How many times its margin the order is worth; one without margin. */
  readonly leverage: Amount;
};

export type Terms = {
  readonly status: 'active' | 'halted' | 'delisted';
  readonly kind: 'spot' | 'contract';
  readonly tick: Amount;
  readonly lot: Amount;
  readonly minQuantity: Amount;
  readonly maxQuantity: Amount;
  /** What an order must be worth at least. @units quote asset */
  readonly minNotional: Amount;
  readonly collarBps: number;
  readonly makerFeeBps: number;
  readonly takerFeeBps: number;
  /** Of a contract. */
  readonly maxLeverage: Amount | null;
  readonly initialMarginBps: number | null;
  readonly maintenanceMarginBps: number | null;
};

export type Situation = {
  /** What the customer's gate says; null lets the order through. */
  readonly gate: 'kyc_not_approved' | 'account_restricted' | 'under_review' | 'agreements_outdated' | null;
  readonly now: Instant;
  /** Whether the account's status allows new orders. */
  readonly accountTrades: boolean;
  /** What the customer said about the risk they bear; null where they never did. */
  readonly riskProfile: RiskProfile | null;
  readonly terms: Terms;
  /** Who would execute it: our own book, or a venue; null where nobody would. */
  readonly executedBy: 'internal' | 'venue' | null;
  /** Whether the exchange is in its regular session, or the book collects for its opening. */
  readonly market: 'open' | 'pre_open' | 'closed';
  /** A circuit breaker of the platform or of the instrument is tripped. */
  readonly breakerTripped: boolean;
  /** The price the collar is measured from; null where there is none. */
  readonly last: Amount | null;
  /** The price of the entry that an exit waits for: it is measured by that one. Null for any other order. */
  readonly entryPrice: Amount | null;
  /** That price has not been confirmed for longer than the instrument allows, or its feed tells another one meanwhile. */
  readonly priceStale: boolean;
  /** Somebody stands for that price. */
  readonly priceVouched: boolean;
  /** What positions are worth: that price, where it is not one that trades of their own book made. */
  readonly standard: Amount | null;
  /** What the risk limits say; null where the order keeps them all. */
  readonly limits: (wanted: Wanted) => LimitRefusal | null;
  /** What the account has in the instrument where that is a contract. */
  readonly contract: ContractStanding | null;
  /** What the wallet that settles it has that is reserved for nothing but margin. */
  readonly collateral: bigint;
  /** Whether the lots that a sale names are the account's and hold as much; true where it names none. */
  readonly lotsAvailable: boolean;
  /** The wallet the reservation comes out of; null where the account has none in that asset. */
  readonly funds: {
    readonly status: string;
    readonly available: bigint;
    /** The price of an open position is stale: nobody knows what is free. */
    readonly isUnknown: boolean;
  } | null;
  /** Another order of its group was refused. */
  readonly companionRefused: boolean;
  /**
   * The firm closes what the account can no longer carry, or a position whose exit was triggered: what limits its
   * owner does not stop that.
   */
  readonly closing: boolean;
  /** The firm closes it, within a bound of its own: what an exit asked for is the owner's order, and bound as such. */
  readonly liquidating: boolean;
  /** Whether contracts of the same person are being closed by the firm, and this one on the other side; null where none are. */
  readonly liquidationOpen: 'elsewhere' | 'opposite' | null;
};

/** An order with what follows from it, worked out once; the money is unset where there is no price. */
type Assessed = {
  readonly order: Instruction;
  readonly situation: Situation;
  readonly terms: Terms;
  /** The worst price it may trade at. */
  readonly worst: Amount;
  /** The worst price at which it may close, by what its wallet can pay or the firm may take; null where nothing binds it. */
  readonly closingBound: Amount | null;
  readonly reservation: bigint;
  /** The limit that refused it. */
  limit: LimitRefusal | null;
};

/**
 * Every check an order passes, highest precedence first, with the reasons it can give.
 * A check may take for granted that all before it passed.
 */
export const PRE_TRADE_CHECKS = [
  check('gate', ['kyc_not_approved', 'account_restricted', 'under_review'], gateRefusal),
  check('account', ['account_not_active'], accountRefusal),
  check('agreements', ['agreements_outdated'], agreementsRefusal),
  check('suitability', ['suitability_refused'], suitabilityRefusal),
  check(
    'instrument',
    ['instrument_delisted', 'instrument_halted', 'instrument_not_tradable'],
    instrumentRefusal,
  ),
  check('circuit breaker', ['circuit_breaker_active'], breakerRefusal),
  check('session', ['market_closed'], sessionRefusal),
  check('expiry', ['expires_in_past'], expiryRefusal),
  check('liquidation', ['liquidation_open'], liquidationOpenRefusal),
  check('reduce only', ['nothing_to_reduce', 'reduce_exceeds_position'], reduceRefusal),
  check('price', ['price_unavailable', 'price_stale'], availabilityRefusal),
  check('trigger', ['stop_on_wrong_side', 'trail_out_of_range', 'exit_on_wrong_side'], stopRefusal),
  check('collar', ['price_outside_collar'], collarRefusal),
  check('tick', ['price_off_tick'], tickRefusal),
  check(
    'size',
    ['quantity_off_lot', 'quantity_below_minimum', 'quantity_above_maximum', 'notional_too_small'],
    sizeRefusal,
  ),
  check('limits', ['limit_missing', 'limit_exceeded'], limitsRefusal),
  check('margin', ['margin_not_enabled', 'leverage_above_maximum'], marginRefusal),
  check('collateral', ['loss_beyond_collateral'], collateralRefusal),
  check('lots', ['lot_not_available'], lotsRefusal),
  check('funds', ['wallet_not_active', 'margin_unknown', 'insufficient_funds'], fundsRefusal),
  check('group', ['group_refused'], groupRefusal),
] as const;

export type RejectionReason = (typeof PRE_TRADE_CHECKS)[number]['reasons'][number];

/** Every reason an order can be stored as rejected with, highest precedence first. */
export const REJECTION_REASONS: readonly RejectionReason[] = PRE_TRADE_CHECKS.flatMap(
  ({ reasons }): readonly RejectionReason[] => reasons,
);

export type Verdict =
  | {
      readonly accepted: true;
      /** @units quote asset for a buy, base asset for a sell; of a contract the settlement asset */
      readonly reservation: Amount;
      /** The worst price a market order may trade at; null for a limit order. */
      readonly priceCap: Amount | null;
      /** How many units it may trade; null where only its notional says. */
      readonly quantity: Amount | null;
    }
  | { readonly accepted: false; readonly reason: RejectionReason; readonly limit: LimitRefusal | null };

/** Decides one order. */
export function decideOrder(asked: Instruction, situation: Situation): Verdict {
  const order = sizedAtLimit(asked, situation.terms.lot);
  const assessed = assess(order, situation);
  for (const { refusal } of PRE_TRADE_CHECKS) {
    const reason = refusal(assessed);
    if (reason !== null) {
      return { accepted: false, reason, limit: assessed.limit };
    }
  }
  return {
    accepted: true,
    reservation: amountOf(assessed.reservation),
    priceCap: order.limitPrice === null ? assessed.worst : null,
    quantity: sellsByNotional(order, situation) ? amountOf(assessed.reservation) : order.quantity,
  };
}

/** True when an order may stay in the book, and so counts among the open orders. */
export function mayRest(order: Pick<Instruction, 'type' | 'timeInForce'>): boolean {
  return waitsForPrice(order.type) || (order.type === 'limit' && !trades(order.timeInForce));
}

/** What an order is to a gate: whoever sells what they hold has less to lose than before. */
export function moveOf(side: 'buy' | 'sell'): 'trade' | 'reduce' {
  return side === 'sell' ? 'reduce' : 'trade';
}

/** True for an order that trades when it comes, or never. */
function trades(timeInForce: Instruction['timeInForce']): boolean {
  return timeInForce === 'ioc' || timeInForce === 'fok';
}

function check<const Reasons extends readonly string[]>(
  name: string,
  reasons: Reasons,
  refusal: (assessed: Assessed) => Reasons[number] | null,
) {
  return { name, reasons, refusal };
}

function assess(order: Instruction, situation: Situation): Assessed {
  const { terms, last, entryPrice } = situation;
  const bound = worstClosing(order, situation);
  const collar = last === null ? ZERO : collarPrice(order.side, anchorOf(order, entryPrice ?? last), terms);
  const worst = order.limitPrice ?? (bound === null ? collar : nearer(order.side, collar, bound));
  const reservation = reservationOf(order, situation, worst);
  return { order, situation, terms, worst, closingBound: bound, reservation, limit: null };
}

/**
 * Whether an order can never open a position, whatever happens to the one that stands: what would only reduce today's
 * opens one where that is closed meanwhile.
 */
function neverOpens({ order, situation }: Assessed): boolean {
  return situation.contract !== null && order.reduceOnly;
}

/** Whoever wants out of a position at once gets out, however many orders are open: only one at a time can close all. */
function closesWhole(assessed: Assessed): boolean {
  const { order, situation } = assessed;
  return neverOpens(assessed) && order.quantity === situation.contract?.against;
}

function gateRefusal({ situation }: Assessed) {
  return situation.gate === 'agreements_outdated' ? null : situation.gate;
}

function accountRefusal({ situation }: Assessed) {
  return situation.accountTrades ? null : 'account_not_active';
}

function agreementsRefusal({ situation }: Assessed) {
  return situation.gate === 'agreements_outdated' ? 'agreements_outdated' : null;
}

function suitabilityRefusal(assessed: Assessed) {
  const suitable = suitableLeverage(assessed.situation.riskProfile);
  return assessed.order.leverage > suitable && !neverOpens(assessed) ? 'suitability_refused' : null;
}

function instrumentRefusal({ terms, situation }: Assessed) {
  switch (terms.status) {
    case 'delisted':
      return 'instrument_delisted';
    case 'halted':
      return 'instrument_halted';
    case 'active':
      return (terms.kind === 'spot' || situation.contract?.isPlain === true) && situation.executedBy !== null
        ? null
        : 'instrument_not_tradable';
  }
}

/** What is collected for an opening rests until then: a plain limit order can, whatever it may meet. */
function sessionRefusal({ situation, order }: Assessed) {
  const { market } = situation;
  const collected = market === 'pre_open' && order.type === 'limit' && mayRest(order);
  return market === 'open' || collected ? null : 'market_closed';
}

function breakerRefusal({ situation }: Assessed) {
  return situation.breakerTripped ? 'circuit_breaker_active' : null;
}

/**
 * A limit order names its own price; whatever trades at the market's needs one that somebody still stands for. So does
 * whatever may open a position: what it needs behind it is measured by that price.
 */
function availabilityRefusal(assessed: Assessed) {
  const { order, situation } = assessed;
  if (situation.last === null) {
    return 'price_unavailable';
  }
  const isExit = situation.entryPrice !== null;
  const needsMarket = order.limitPrice === null && !isExit;
  // What the firm closes is bound by that price as well.
  const needsVouching =
    situation.contract !== null && !isExit && (!neverOpens(assessed) || situation.liquidating);
  return (needsMarket && situation.priceStale) || (needsVouching && !situation.priceVouched)
    ? 'price_stale'
    : null;
}

function expiryRefusal({ order, situation }: Assessed) {
  return order.expiresAt !== null && order.expiresAt <= situation.now ? 'expires_in_past' : null;
}

/**
 * A sale of what is held reduces it, and can never sell more; a purchase reduces nothing. A contract's position is
 * reduced from the other side, and orders that may only reduce never ask for more than there is, all together.
 */
function reduceRefusal({ order, situation }: Assessed) {
  if (!order.reduceOnly) {
    return null;
  }
  const { contract } = situation;
  if (contract === null) {
    return order.side === 'buy' ? 'nothing_to_reduce' : null;
  }
  if (contract.against === 0n || order.quantity === null) {
    return 'nothing_to_reduce';
  }
  // What rests never keeps the firm from closing: settlement lets none of it go beyond the position.
  const spokenFor = situation.closing ? 0n : contract.restingReducing;
  return order.quantity > contract.against - spokenFor ? 'reduce_exceeds_position' : null;
}

/**
 * While the firm closes positions of a person, they open none, and rest nothing that the firm's orders would meet:
 * nobody trades with themselves, so that would keep them off.
 */
function liquidationOpenRefusal({ order, situation }: Assessed) {
  const { closing, liquidationOpen } = situation;
  if (closing || liquidationOpen === null) {
    return null;
  }
  const meets = liquidationOpen === 'opposite' && mayRest(order);
  return order.reduceOnly && !meets ? null : 'liquidation_open';
}

/** What may only reduce needs nobody's leave. */
function marginRefusal(assessed: Assessed) {
  const { order, situation, terms } = assessed;
  const { contract } = situation;
  if (contract === null) {
    return order.leverage > ONE ? 'leverage_above_maximum' : null;
  }
  if (neverOpens(assessed)) {
    return null;
  }
  if (!contract.marginEnabled) {
    return 'margin_not_enabled';
  }
  const highest = terms.maxLeverage ?? ONE;
  return order.leverage > highest || order.leverage > contract.maxLeverage ? 'leverage_above_maximum' : null;
}

function stopRefusal({ order, situation }: Assessed) {
  const { entryPrice, last } = situation;
  if (entryPrice !== null && order.type !== 'trailing_stop') {
    return leavesAhead(order, entryPrice) ? null : 'exit_on_wrong_side';
  }
  const price = entryPrice ?? last;
  return price === null ? null : triggerRefusal(order, price);
}

/** Whether an exit lies where the price has yet to go from its entry: its limit on the gaining side, its stop on the other. */
function leavesAhead(order: Instruction, entryPrice: Amount): boolean {
  if (order.type !== 'limit') {
    return triggerRefusal(order, entryPrice) === null;
  }
  const limit = order.limitPrice ?? ZERO;
  return order.side === 'sell' ? limit > entryPrice : limit < entryPrice;
}

/** A limit may lie any distance behind the market, never further than the collar beyond it. */
function collarRefusal({ order, situation, terms }: Assessed) {
  const market = situation.entryPrice ?? situation.last;
  if (order.limitPrice === null || market === null) {
    return null;
  }
  const collar = collarPrice(order.side, anchorOf(order, market), terms);
  const beyond = order.side === 'buy' ? order.limitPrice > collar : order.limitPrice < collar;
  return beyond ? 'price_outside_collar' : null;
}

function tickRefusal({ order, terms }: Assessed) {
  return isOnTick(order, terms.tick) ? null : 'price_off_tick';
}

function sizeRefusal(assessed: Assessed) {
  const { order, worst, terms, situation } = assessed;
  const { contract } = situation;
  if (order.quantity === null) {
    const notional = order.notional ?? ZERO;
    // A purchase may trade at the last price, where it buys more units than at its worst.
    const cheapest = order.side === 'buy' ? minAmount(worst, situation.last ?? worst) : worst;
    const most = sellsByNotional(order, situation) ? assessed.reservation : unitsAt(notional, cheapest);
    const fewest = order.side === 'buy' ? worst : maxAmount(worst, situation.last ?? worst);
    const outgrows = contract !== null && outgrowsAmounts({ ...order, quantity: most }, contract);
    const refusal =
      notionalRefusal(notional, { fewest, most }, terms) ?? (outgrows ? 'quantity_above_maximum' : null);
    return refusal ?? (isWorth(assessed) ? null : 'notional_too_small');
  }
  // What is left of a position can be closed whole, however little or odd it is.
  if (order.reduceOnly && order.quantity === situation.contract?.against) {
    return null;
  }
  if (!isMultipleOf(order.quantity, terms.lot)) {
    return 'quantity_off_lot';
  }
  if (order.quantity < terms.minQuantity) {
    return order.notional === null ? 'quantity_below_minimum' : 'notional_too_small';
  }
  if (order.quantity > terms.maxQuantity || (contract !== null && outgrowsAmounts(order, contract))) {
    return 'quantity_above_maximum';
  }
  return situation.closing || isWorth(assessed) ? null : 'notional_too_small';
}

/** Whether an order is worth what the instrument asks for at least: at its limit, or at the last price. */
function isWorth({ order, situation, worst, terms }: Assessed): boolean {
  const { entryPrice, last } = situation;
  return principalOf(order, order.limitPrice ?? entryPrice ?? last ?? worst) >= terms.minNotional;
}

function limitsRefusal(assessed: Assessed) {
  const { order, situation, terms, reservation } = assessed;
  if (situation.closing) {
    return null;
  }
  const price = riskPriceOf(assessed);
  const answer = situation.limits({
    kind: terms.kind,
    side: order.side,
    value: principalOf(order, price),
    price: situation.last ?? price,
    // At a venue every order stays open until the venue has answered, however long that takes.
    rests: mayRest(order) || (situation.executedBy === 'venue' && !closesWhole(assessed)),
    leverage: neverOpens(assessed) ? ONE : order.leverage,
  });
  if (answer !== null) {
    assessed.limit = answer;
    return answer.reason;
  }
  return reservation > MAX_AMOUNT ? 'limit_exceeded' : null;
}

/** A sale far below the market is worth what the market pays, not what it asks at least. */
function riskPriceOf({ order, situation, worst }: Assessed): Amount {
  const { last } = situation;
  return order.side === 'sell' && last !== null && last > worst ? last : worst;
}

/** To close is always possible, at a price that the account can pay for, or that its positions are worth. */
function collateralRefusal({ order, worst, closingBound: bound }: Assessed) {
  return bound !== null && nearer(order.side, worst, bound) !== worst ? 'loss_beyond_collateral' : null;
}

/** A contract has no lots, whatever it follows. */
function lotsRefusal({ situation }: Assessed) {
  return situation.lotsAvailable ? null : 'lot_not_available';
}

/** An exit is paid for once it is set free. */
function fundsRefusal({ reservation, situation }: Assessed) {
  const { entryPrice, funds } = situation;
  if (entryPrice !== null) {
    return null;
  }
  if (funds !== null && funds.status !== 'active') {
    return 'wallet_not_active';
  }
  if (funds?.isUnknown) {
    return 'margin_unknown';
  }
  return funds === null || funds.available < reservation ? 'insufficient_funds' : null;
}

/** The orders of a group stand or fall together. */
function groupRefusal({ situation }: Assessed) {
  return situation.companionRefused ? 'group_refused' : null;
}
