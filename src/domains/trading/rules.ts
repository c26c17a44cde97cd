/**
 * Whether an order is accepted, and what it reserves. Pure. `PRE_TRADE_CHECKS` is the one order of
 * precedence: the first check that refuses gives the reason the order is stored with, and within a
 * check the reasons stand in their order too. What it does not decide: whether the order trades.
 */
import { type Amount, amountOf, isMultipleOf, MAX_AMOUNT, ONE, ZERO } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { LimitRefusal, Wanted } from '../risk/index.ts';
import { anchorOf, isOnTick, type OrderType, triggerRefusal, waitsForPrice } from './held-orders.ts';
import { collarPrice, principalOf, reservedFor, worstFeeBps } from './reservation.ts';

export type Instruction = {
  readonly side: 'buy' | 'sell';
  readonly type: OrderType;
  readonly timeInForce: 'day' | 'gtc' | 'ioc' | 'fok' | 'gtd';
  /** Exactly one of quantity and notional is set; a notional is for market buys. */
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
  readonly execution: 'internal' | 'venue';
  readonly tick: Amount;
  readonly lot: Amount;
  readonly minQuantity: Amount;
  readonly maxQuantity: Amount;
  /** What an order must be worth at least. @units quote asset */
  readonly minNotional: Amount;
  readonly collarBps: number;
  readonly makerFeeBps: number;
  readonly takerFeeBps: number;
};

export type RiskProfile = 'conservative' | 'moderate' | 'aggressive';

export type Situation = {
  /** What the customer's gate says; null lets the order through. */
  readonly gate: 'kyc_not_approved' | 'account_restricted' | 'under_review' | 'agreements_outdated' | null;
  readonly now: Instant;
  /** Whether the account's status allows new orders. */
  readonly accountTrades: boolean;
  /** What the customer said about the risk they bear; null where they never did. */
  readonly riskProfile: RiskProfile | null;
  readonly terms: Terms;
  /** The exchange is in its regular session. */
  readonly marketOpen: boolean;
  /** A circuit breaker of the platform or of the instrument is tripped. */
  readonly breakerTripped: boolean;
  /** The price the collar is measured from; null where there is none. */
  readonly last: Amount | null;
  /** That price has not been confirmed for longer than the instrument allows. */
  readonly priceStale: boolean;
  /** What the risk limits say; null where the order keeps them all. */
  readonly limits: (wanted: Wanted) => LimitRefusal | null;
  /** The wallet the reservation comes out of; null where the account has none in that asset. */
  readonly funds: { readonly status: string; readonly available: bigint } | null;
};

/** An order with what follows from it, worked out once; the money is unset where there is no price. */
type Assessed = {
  readonly order: Instruction;
  readonly situation: Situation;
  readonly terms: Terms;
  /** The worst price it may trade at. */
  readonly worst: Amount;
  readonly reservation: bigint;
  /** The limit that refused it. */
  limitId: Id | null;
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
  check('reduce only', ['nothing_to_reduce'], reduceRefusal),
  check('price', ['price_unavailable', 'price_stale'], availabilityRefusal),
  check('trigger', ['stop_on_wrong_side', 'trail_out_of_range'], stopRefusal),
  check('collar', ['price_outside_collar'], collarRefusal),
  check('tick', ['price_off_tick'], tickRefusal),
  check(
    'size',
    ['quantity_off_lot', 'quantity_below_minimum', 'quantity_above_maximum', 'notional_too_small'],
    sizeRefusal,
  ),
  check('limits', ['limit_missing', 'limit_exceeded'], limitsRefusal),
  check('funds', ['wallet_not_active', 'insufficient_funds'], fundsRefusal),
] as const;

export type RejectionReason = (typeof PRE_TRADE_CHECKS)[number]['reasons'][number];

/** Every reason an order can be stored as rejected with, highest precedence first. */
export const REJECTION_REASONS: readonly RejectionReason[] = PRE_TRADE_CHECKS.flatMap(
  ({ reasons }): readonly RejectionReason[] => reasons,
);

export type Verdict =
  | {
      readonly accepted: true;
      /** @units quote asset for a buy, base asset for a sell */
      readonly reservation: Amount;
      /** The worst price a market order may trade at; null for a limit order. */
      readonly priceCap: Amount | null;
    }
  | { readonly accepted: false; readonly reason: RejectionReason; readonly limitId: Id | null };

/** Decides one order. */
export function decideOrder(order: Instruction, situation: Situation): Verdict {
  const assessed = assess(order, situation);
  for (const { refusal } of PRE_TRADE_CHECKS) {
    const reason = refusal(assessed);
    if (reason !== null) {
      return { accepted: false, reason, limitId: assessed.limitId };
    }
  }
  return {
    accepted: true,
    reservation: amountOf(assessed.reservation),
    priceCap: order.limitPrice === null ? assessed.worst : null,
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

/**
 * The leverage that suits a person. Whoever never said what risk they bear has none.
 * @units times the margin, scaled
 */
const SUITABLE_LEVERAGE: Readonly<Record<RiskProfile, bigint>> = {
  conservative: ONE,
  moderate: 5n * ONE,
  aggressive: MAX_AMOUNT,
};

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
  const { terms, last } = situation;
  const worst =
    order.limitPrice ?? (last === null ? ZERO : collarPrice(order.side, anchorOf(order, last), terms));
  const reservation = reservedFor(order.side, order, worst, worstFeeBps(terms));
  return { order, situation, terms, worst, reservation, limitId: null };
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

function suitabilityRefusal({ order, situation }: Assessed) {
  const { riskProfile } = situation;
  const suitable = riskProfile === null ? ONE : SUITABLE_LEVERAGE[riskProfile];
  return order.leverage > suitable ? 'suitability_refused' : null;
}

function instrumentRefusal({ terms }: Assessed) {
  switch (terms.status) {
    case 'delisted':
      return 'instrument_delisted';
    case 'halted':
      return 'instrument_halted';
    case 'active':
      return terms.kind === 'spot' && terms.execution === 'internal' ? null : 'instrument_not_tradable';
  }
}

function sessionRefusal({ situation }: Assessed) {
  return situation.marketOpen ? null : 'market_closed';
}

function breakerRefusal({ situation }: Assessed) {
  return situation.breakerTripped ? 'circuit_breaker_active' : null;
}

/** A limit order names its own price; whatever trades at the market's needs one that somebody still stands for. */
function availabilityRefusal({ order, situation }: Assessed) {
  if (situation.last === null) {
    return 'price_unavailable';
  }
  return order.limitPrice === null && situation.priceStale ? 'price_stale' : null;
}

function expiryRefusal({ order, situation }: Assessed) {
  return order.expiresAt !== null && order.expiresAt <= situation.now ? 'expires_in_past' : null;
}

/** A sale of what is held reduces it, and can never sell more; a purchase reduces nothing. */
function reduceRefusal({ order, terms }: Assessed) {
  return order.reduceOnly && order.side === 'buy' && terms.kind === 'spot' ? 'nothing_to_reduce' : null;
}

function stopRefusal({ order, situation }: Assessed) {
  return situation.last === null ? null : triggerRefusal(order, situation.last);
}

/** A limit may lie any distance behind the market, never further than the collar beyond it. */
function collarRefusal({ order, situation, terms }: Assessed) {
  if (order.limitPrice === null || situation.last === null) {
    return null;
  }
  const collar = collarPrice(order.side, anchorOf(order, situation.last), terms);
  const beyond = order.side === 'buy' ? order.limitPrice > collar : order.limitPrice < collar;
  return beyond ? 'price_outside_collar' : null;
}

function tickRefusal({ order, terms }: Assessed) {
  return isOnTick(order, terms.tick) ? null : 'price_off_tick';
}

function sizeRefusal(assessed: Assessed) {
  const { order, worst, terms } = assessed;
  if (order.quantity === null) {
    const affordable = ((order.notional ?? ZERO) * ONE) / worst;
    if (affordable > terms.maxQuantity) {
      return 'quantity_above_maximum';
    }
    const enough = affordable - (affordable % terms.lot) >= terms.minQuantity;
    return enough && isWorth(assessed) ? null : 'notional_too_small';
  }
  if (!isMultipleOf(order.quantity, terms.lot)) {
    return 'quantity_off_lot';
  }
  if (order.quantity < terms.minQuantity) {
    return 'quantity_below_minimum';
  }
  if (order.quantity > terms.maxQuantity) {
    return 'quantity_above_maximum';
  }
  return isWorth(assessed) ? null : 'notional_too_small';
}

/** Whether an order is worth what the instrument asks for at least: at its limit, or at the last price. */
function isWorth({ order, situation, worst, terms }: Assessed): boolean {
  return principalOf(order, order.limitPrice ?? situation.last ?? worst) >= terms.minNotional;
}

function limitsRefusal(assessed: Assessed) {
  const { order, situation, terms, reservation } = assessed;
  const price = riskPriceOf(assessed);
  const answer = situation.limits({
    kind: terms.kind,
    side: order.side,
    value: principalOf(order, price),
    price: situation.last ?? price,
    rests: mayRest(order),
    leverage: order.leverage,
  });
  if (answer !== null) {
    assessed.limitId = answer.limitId;
    return answer.reason;
  }
  return reservation > MAX_AMOUNT ? 'limit_exceeded' : null;
}

/** A sale far below the market is worth what the market pays, not what it asks at least. */
function riskPriceOf({ order, situation, worst }: Assessed): Amount {
  const { last } = situation;
  return order.side === 'sell' && last !== null && last > worst ? last : worst;
}

function fundsRefusal({ reservation, situation }: Assessed) {
  const { funds } = situation;
  if (funds !== null && funds.status !== 'active') {
    return 'wallet_not_active';
  }
  return funds === null || funds.available < reservation ? 'insufficient_funds' : null;
}
