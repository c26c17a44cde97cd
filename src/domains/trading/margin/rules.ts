/**
 * When an account has too little behind its positions, and how much of them has to go then. Pure. Equity is
 * what the wallet can really pay, with what its open positions have won or lost so far; requirements round up.
 * What is not decided here: whether an instrument can be traded just now, and who is told.
 */
import { type Amount, amountOf, maxAmount, ONE, ZERO } from '../../../kernel/amount.ts';
import { BPS_PER_ONE, bpsOf, divideRounded, roundToStep } from '../../../kernel/rounding.ts';

/** What the open positions of a wallet come to. @units settlement asset */
type MarginSums = {
  readonly unrealised: Amount;
  /** What they had to have behind them when they were opened. */
  readonly initial: Amount;
  /** What they must have behind them to be kept. */
  readonly maintenance: Amount;
};

/** At which parts of the initial margin an account is called, and liquidated. @units scaled; 0.8 is 80 % */
export type Thresholds = { readonly call: Amount; readonly liquidation: Amount };

/** Between being called and being well again, so that a price that trembles calls once. @units bps of the initial margin */
const CURE_BUFFER_BPS = 500n;

/** `sound` needs nothing, `called` more money or less risk, `liquidate` is closed out. */
export type Standing = 'sound' | 'called' | 'liquidate';

type Levels = {
  /** At or below this equity an account is liquidated. */
  readonly liquidateAt: Amount;
  /** At or below this equity it is called. */
  readonly callAt: Amount;
  /** From this equity on it is well again. */
  readonly cureAt: Amount;
};

export type MarginState = MarginSums &
  Levels & {
    readonly equity: Amount;
    /** Equity by initial margin; null without positions. @units scaled, rounded down */
    readonly level: Amount | null;
    /** Maintenance margin by equity; null where there is no equity. @units scaled, rounded up */
    readonly ratio: Amount | null;
    readonly standing: Standing;
  };

/**
 * How an account stands in one settlement asset.
 * @units collateral: what its wallet has that is reserved for nothing but margin
 */
export function stateOf(collateral: bigint, sums: MarginSums, thresholds: Thresholds): MarginState {
  const equity = amountOf(collateral + sums.unrealised);
  const levels = levelsOf(sums, thresholds);
  return {
    ...sums,
    ...levels,
    equity,
    level: sums.initial === 0n ? null : ratioOf(equity, sums.initial, 'down'),
    ratio: equity <= 0n ? null : ratioOf(sums.maintenance, equity, 'up'),
    standing: sums.initial === 0n ? 'sound' : standingAt(equity, levels),
  };
}

/** The equity at which an account is liquidated, called and well again: the stricter requirement counts. */
export function levelsOf(
  { initial, maintenance }: { readonly initial: bigint; readonly maintenance: bigint },
  { call, liquidation }: Thresholds,
): Levels {
  const liquidateAt = largest(partOf(initial, liquidation), maintenance);
  const callAt = largest(partOf(initial, call), liquidateAt);
  return {
    liquidateAt: amountOf(liquidateAt),
    callAt: amountOf(callAt),
    cureAt: amountOf(callAt + divideRounded(initial * CURE_BUFFER_BPS, BPS_PER_ONE, 'up')),
  };
}

type OpenPosition = {
  readonly side: 'long' | 'short';
  /** @units base */
  readonly quantity: Amount;
  /** What the open quantity was bought or sold for. @units settlement asset */
  readonly entryValue: Amount;
  readonly maintenanceMarginBps: number;
};

/**
 * The price of one instrument at which its account is liquidated while all other prices stay; null where
 * no price does that. Rounded towards the price of now, so that it never promises too much.
 * @units rest: equity without this position's profit and loss, and the maintenance of the other positions
 */
export function liquidationPrice(
  position: OpenPosition,
  rest: { readonly equity: bigint; readonly maintenance: bigint; readonly initial: bigint },
  { liquidation }: Thresholds,
): Amount | null {
  // Two requirements, each a line over the price; the one that equity meets first counts.
  const fixed = crossing(position, rest.equity - partOf(rest.initial, liquidation), 0n);
  const moving = crossing(position, rest.equity - rest.maintenance, BigInt(position.maintenanceMarginBps));
  const first = position.side === 'long' ? largest(fixed, moving) : fixed < moving ? fixed : moving;
  return first <= 0n || first > MAX_PRICE ? null : amountOf(first);
}

/** The largest that an amount can say. */
const MAX_PRICE = 99_999_999_999_999_999_999n;

/** Where what is spare, with the position's profit or loss, meets `bps` of its value. */
function crossing({ side, quantity, entryValue }: OpenPosition, spare: bigint, bps: bigint): bigint {
  // Long: spare + P·Q − entry = r·P·Q; short: spare + entry − P·Q = r·P·Q.
  const slope = side === 'long' ? BPS_PER_ONE - bps : BPS_PER_ONE + bps;
  const value = side === 'long' ? entryValue - spare : entryValue + spare;
  return value <= 0n
    ? 0n
    : divideRounded(value * BPS_PER_ONE * ONE, quantity * slope, side === 'long' ? 'up' : 'down');
}

/** A position that can be closed just now, with what it requires. */
type Closable = {
  readonly id: string;
  readonly quantity: Amount;
  readonly lot: Amount;
  readonly minQuantity: Amount;
  /** @units settlement asset, at the price of now */
  readonly value: Amount;
  readonly initial: Amount;
  readonly maintenance: Amount;
  readonly takerFeeBps: number;
};

export type Closing = { readonly id: string; readonly quantity: Amount };

/**
 * How much of which positions has to be closed so that the account is well again: the one that requires
 * most comes first, and none is closed further than it takes. With `whole`, everything that can be is.
 * Closing costs its fee; what else it costs is seen when it has traded, and the next step asks again.
 */
export function closingsFor(
  state: MarginState,
  closable: readonly Closable[],
  thresholds: Thresholds,
  whole: boolean,
): Closing[] {
  const ranked = [...closable].sort(
    (left, right) => compare(right.initial, left.initial) || compare(left.id, right.id),
  );
  if (whole) {
    return ranked.map(({ id, quantity }) => ({ id, quantity }));
  }
  const closings: Closing[] = [];
  let left: Left = { equity: state.equity, initial: state.initial, maintenance: state.maintenance };
  for (const position of ranked) {
    if (left.equity >= levelsOf(left, thresholds).cureAt) {
      break;
    }
    const quantity = tradable(position, leastOf(left, position, thresholds));
    closings.push({ id: position.id, quantity });
    left = after(left, position, quantity);
  }
  return closings;
}

type Left = { readonly equity: bigint; readonly initial: bigint; readonly maintenance: bigint };

/** What is left when so much of a position is closed, as the settlement books it. */
function after(left: Left, position: Closable, quantity: bigint): Left {
  const rest = position.quantity - quantity;
  const freed = (amount: bigint) => amount - divideRounded(amount * rest, position.quantity, 'up');
  return {
    equity: left.equity - divideRounded(feeOf(position) * quantity, position.quantity, 'up'),
    initial: left.initial - freed(position.initial),
    maintenance: left.maintenance - freed(position.maintenance),
  };
}

/** The least whole lots of a position after which the account is well again; all of it where none are enough. */
function leastOf(left: Left, position: Closable, thresholds: Thresholds): bigint {
  // Equity falls along a line and what is required along a bent one: what is enough stays enough up to the whole.
  const isEnough = (lots: bigint) => {
    const then = after(left, position, lots * position.lot);
    return then.equity >= levelsOf(then, thresholds).cureAt;
  };
  let low = 0n;
  let high = position.quantity / position.lot;
  if (!isEnough(high)) {
    return position.quantity;
  }
  while (low < high) {
    const middle = (low + high) / 2n;
    if (isEnough(middle)) {
      high = middle;
    } else {
      low = middle + 1n;
    }
  }
  return low * position.lot;
}

/** What may be ordered, and leaves what may be ordered later; otherwise all of it. */
function tradable({ quantity, lot, minQuantity }: Closable, least: bigint): Amount {
  const lots = roundToStep(maxAmount(amountOf(least), minQuantity), lot, 'up');
  return lots >= quantity || quantity - lots < minQuantity ? quantity : lots;
}

function feeOf({ value, takerFeeBps }: Closable): bigint {
  return bpsOf(value, BigInt(takerFeeBps), 'up');
}

function standingAt(equity: bigint, { liquidateAt, callAt }: Levels): Standing {
  if (equity > callAt) {
    return 'sound';
  }
  return equity > liquidateAt ? 'called' : 'liquidate';
}

function partOf(amount: bigint, threshold: bigint): bigint {
  return divideRounded(amount * threshold, ONE, 'up');
}

/** Null where it is beyond what an amount can say. */
function ratioOf(dividend: bigint, divisor: bigint, rounding: 'up' | 'down'): Amount | null {
  const ratio = divideRounded(dividend * ONE, divisor, rounding);
  return ratio > MAX_PRICE || ratio < -MAX_PRICE ? null : amountOf(ratio);
}

function largest(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}

function compare<Value extends bigint | string>(left: Value, right: Value): number {
  return left === right ? 0 : left < right ? -1 : 1;
}

/** How often funding is charged, and what a year has, by an instrument's terms. */
type FundingTerms = {
  /** @units bps a year; negative where the position receives */
  readonly rateBps: number;
  readonly dayCount: 'actual_360' | 'actual_365';
};

const YEAR_DAYS = { actual_360: 360n, actual_365: 365n } as const;
const DAY_SECONDS = 86_400n;

/**
 * What holding a position of this value for so long costs; negative where it pays.
 * @units settlement asset; what the customer pays rounds up, what the customer receives rounds down
 */
export function fundingFor(value: Amount, { rateBps, dayCount }: FundingTerms, seconds: number): Amount {
  if (rateBps === 0) {
    return ZERO;
  }
  return amountOf(
    divideRounded(
      value * BigInt(rateBps) * BigInt(seconds),
      BPS_PER_ONE * YEAR_DAYS[dayCount] * DAY_SECONDS,
      rateBps > 0 ? 'up' : 'down',
    ),
  );
}
