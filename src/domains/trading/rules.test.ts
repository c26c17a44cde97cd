import { describe, expect, test } from 'bun:test';
import { formatAmount, ONE, parseAmount } from '../../kernel/amount.ts';
import { parseInstant } from '../../kernel/time.ts';
import type { Wanted } from '../risk/index.ts';
import {
  decideOrder,
  type Instruction,
  PRE_TRADE_CHECKS,
  REJECTION_REASONS,
  type RejectionReason,
  type Situation,
  type Terms,
} from './rules.ts';

const TERMS: Terms = {
  status: 'active',
  kind: 'spot',
  tick: parseAmount('0.5'),
  lot: parseAmount('0.01'),
  minQuantity: parseAmount('0.02'),
  maxQuantity: parseAmount('10'),
  minNotional: parseAmount('0.5'),
  collarBps: 1000,
  makerFeeBps: 10,
  takerFeeBps: 20,
  maxLeverage: null,
  initialMarginBps: null,
  maintenanceMarginBps: null,
};

const GOOD: Situation = {
  gate: null,
  now: parseInstant('2026-11-02T12:00:00Z'),
  accountTrades: true,
  riskProfile: null,
  terms: TERMS,
  executedBy: 'internal',
  market: 'open',
  breakerTripped: false,
  last: parseAmount('100'),
  priceStale: false,
  priceVouched: true,
  standard: parseAmount('100'),
  collateral: 0n,
  limits: () => null,
  contract: null,
  companionRefused: false,
  closing: false,
  liquidating: false,
  liquidationOpen: null,
  entryPrice: null,
  lotsAvailable: true,
  funds: { status: 'active', available: parseAmount('1000000'), isUnknown: false },
};

function order(words: string): Instruction {
  const [side, size, type, timeInForce, price] = words.split(/ +/);
  const notional = size?.startsWith('$') ? parseAmount(size.slice(1)) : null;
  return {
    side: side as 'buy' | 'sell',
    type: type as 'market' | 'limit',
    timeInForce: timeInForce as Instruction['timeInForce'],
    quantity: notional === null ? parseAmount(size ?? '') : null,
    notional,
    limitPrice: price === undefined ? null : parseAmount(price),
    stopPrice: null,
    trailAmount: null,
    trailPercent: null,
    reduceOnly: false,
    expiresAt: null,
    leverage: ONE,
  };
}

function holding(available: string): Situation['funds'] {
  return { status: 'active', available: parseAmount(available), isUnknown: false };
}

function limitSays(reason: 'limit_missing' | 'limit_exceeded'): Pick<Situation, 'limits'> {
  return { limits: () => ({ reason, limitId: null, type: 'max_order_value' }) };
}

function verdict(words: string, changes: Partial<Situation> = {}): string {
  const answer = decideOrder(order(words), { ...GOOD, ...changes });
  if (!answer.accepted) {
    return answer.reason;
  }
  const cap = answer.priceCap === null ? '' : ` cap ${formatAmount(answer.priceCap)}`;
  return `reserves ${formatAmount(answer.reservation)}${cap}`;
}

describe('an accepted order reserves its worst price and its worst fee, rounded up', () => {
  const table = [
    ['buy  1     limit  gtc 100', 'reserves 100.2'],
    ['buy  0.03  limit  gtc 100.5', 'reserves 3.02103'],
    ['sell 1     limit  gtc 100', 'reserves 1'],
    ['buy  1     market ioc', 'reserves 110.22 cap 110'],
    ['sell 1     market ioc', 'reserves 1 cap 90'],
    ['buy  $50   market ioc', 'reserves 50.1 cap 110'],
    ['buy  $33.33333333 market ioc', 'reserves 33.4 cap 110'],
    ['buy  $33.33333333 limit  gtc 100', 'reserves 33.066'],
    ['sell $50   limit  gtc 99', 'reserves 0.5'],
    // What 90 each may take; at 100 it were 0.5.
    ['sell $50   market ioc', 'reserves 0.55 cap 90'],
  ] as const;
  for (const [words, answer] of table) {
    test(`${words}: ${answer}`, () => {
      expect(verdict(words)).toBe(answer);
    });
  }
});

test('a market sale by notional may sell the units it reserves: all that are there where it might take more', () => {
  const table = [
    ['sell $50 market ioc', '0.525', '0.52'],
    ['sell $50 market ioc', '0.5', '0.5'],
    ['sell $50 market ioc', '9', '0.55'],
    ['sell $50 limit gtc 99', '9', '0.5'],
  ] as const;
  for (const [words, available, units] of table) {
    const answer = decideOrder(order(words), { ...GOOD, funds: holding(available) });
    expect(answer).toMatchObject({
      accepted: true,
      reservation: parseAmount(units),
      quantity: parseAmount(units),
    });
  }
  expect(decideOrder(order('buy $50 market ioc'), GOOD)).toMatchObject({ quantity: null });
});

describe('an order is refused', () => {
  const table: readonly (readonly [string, Partial<Situation>, string])[] = [
    ['buy  1     limit  gtc 100', { gate: 'kyc_not_approved' }, 'kyc_not_approved'],
    ['buy  1     limit  gtc 100', { accountTrades: false }, 'account_not_active'],
    ['buy  1     limit  gtc 100', { terms: { ...TERMS, status: 'halted' } }, 'instrument_halted'],
    ['buy  1     limit  gtc 100', { terms: { ...TERMS, status: 'delisted' } }, 'instrument_delisted'],
    ['buy  1     limit  gtc 100', { terms: { ...TERMS, kind: 'contract' } }, 'instrument_not_tradable'],
    ['buy  1     limit  gtc 100', { executedBy: null }, 'instrument_not_tradable'],
    ['buy  1     limit  gtc 100', { last: null }, 'price_unavailable'],
    ['buy  1     limit  gtc 110.5', {}, 'price_outside_collar'],
    ['sell 1     limit  gtc 89.5', {}, 'price_outside_collar'],
    ['buy  1     limit  gtc 100.25', {}, 'price_off_tick'],
    ['buy  0.025 limit  gtc 100', {}, 'quantity_off_lot'],
    ['buy  0.01  limit  gtc 100', {}, 'quantity_below_minimum'],
    ['buy  10.01 limit  gtc 100', {}, 'quantity_above_maximum'],
    ['buy  $2    market ioc', {}, 'notional_too_small'],
    ['buy  $1200 market ioc', {}, 'quantity_above_maximum'],
    ['sell $1.99 market ioc', {}, 'notional_too_small'],
    ['sell $1000 market ioc', {}, 'quantity_above_maximum'],
    ['buy  $1.99 limit  gtc 100', {}, 'notional_too_small'],
    // It buys ten at 100.5, and more at the last price.
    ['buy  $1005 market ioc', {}, 'quantity_above_maximum'],
    ['sell $0.5  limit  gtc 100', {}, 'notional_too_small'],
    ['buy  $1200 limit  gtc 100', {}, 'quantity_above_maximum'],
    // More units than an amount can say.
    ['buy  $999999999999 limit gtc 0.5', {}, 'quantity_above_maximum'],
    ['sell $50   market ioc', { funds: holding('0.49') }, 'insufficient_funds'],
    ['buy  1     limit  gtc 100', limitSays('limit_missing'), 'limit_missing'],
    ['buy  1     limit  gtc 100', limitSays('limit_exceeded'), 'limit_exceeded'],
    ['buy  1     limit  gtc 100', { funds: null }, 'insufficient_funds'],
    [
      'buy  1     limit  gtc 100',
      { funds: { status: 'active', available: parseAmount('100.19999999'), isUnknown: false } },
      'insufficient_funds',
    ],
    [
      'buy  1     limit  gtc 100',
      { funds: { status: 'suspended', available: 0n, isUnknown: true } },
      'wallet_not_active',
    ],
  ];
  for (const [words, changes, reason] of table) {
    test(`${words} with ${Object.keys(changes).join() || 'all else well'}: ${reason}`, () => {
      expect(verdict(words, changes)).toBe(reason);
    });
  }
});

/**
 * A fault for every reason: what has to be so that it applies. The faults of one `slot` exclude each
 * other, since a gate has one answer and an instrument one status.
 */
type Fault = {
  readonly slot: string;
  readonly situation?: Partial<Situation>;
  readonly terms?: Partial<Terms>;
  readonly order?: Partial<Instruction>;
};

/** An account with margin and nothing open in a contract. */
const CONTRACT: NonNullable<Situation['contract']> = {
  isPlain: true,
  marginEnabled: true,
  maxLeverage: ONE,
  against: 0n,
  along: 0n,
  enteredAt: 0n,
  lostBeside: 0n,
  held: 0n,
  resting: 0n,
  restingReducing: 0n,
};

test('a market sale of a contract by notional reserves what it loses at its worst price, where it sells most', () => {
  const terms = {
    ...TERMS,
    kind: 'contract',
    initialMarginBps: 10_000,
    maintenanceMarginBps: 5_000,
  } as const;
  const suits = { contract: CONTRACT, terms: { ...terms, maxLeverage: ONE } };
  // 90 of margin, a loss of 10 on the one unit it sells at 90, 0.18 of fee.
  expect(verdict('sell $90 market ioc', suits)).toBe('reserves 100.18 cap 90');
});

const FAULTS: Readonly<Record<RejectionReason, Fault>> = {
  kyc_not_approved: { slot: 'gate', situation: { gate: 'kyc_not_approved' } },
  account_restricted: { slot: 'gate', situation: { gate: 'account_restricted' } },
  under_review: { slot: 'gate', situation: { gate: 'under_review' } },
  account_not_active: { slot: 'account', situation: { accountTrades: false } },
  agreements_outdated: { slot: 'gate', situation: { gate: 'agreements_outdated' } },
  suitability_refused: { slot: 'leverage', order: { leverage: parseAmount('2') } },
  instrument_delisted: { slot: 'status', terms: { status: 'delisted' } },
  instrument_halted: { slot: 'status', terms: { status: 'halted' } },
  instrument_not_tradable: { slot: 'execution', situation: { executedBy: null } },
  market_closed: { slot: 'session', situation: { market: 'closed' } },
  circuit_breaker_active: { slot: 'breaker', situation: { breakerTripped: true } },
  expires_in_past: {
    slot: 'expiry',
    order: { timeInForce: 'gtd', expiresAt: parseInstant('2026-11-02T12:00:00Z') },
  },
  liquidation_open: { slot: 'liquidation', situation: { liquidationOpen: 'opposite' } },
  nothing_to_reduce: { slot: 'reduce', order: { reduceOnly: true } },
  reduce_exceeds_position: {
    slot: 'reduce',
    situation: { contract: { ...CONTRACT, against: parseAmount('0.5') } },
    order: { reduceOnly: true },
  },
  price_unavailable: { slot: 'price', situation: { last: null } },
  price_stale: {
    slot: 'stale',
    situation: { priceStale: true },
    order: { limitPrice: null, type: 'market', timeInForce: 'ioc' },
  },
  stop_on_wrong_side: { slot: 'stop', order: { type: 'stop_limit', stopPrice: parseAmount('90') } },
  trail_out_of_range: {
    slot: 'stop',
    order: { type: 'trailing_stop', trailPercent: parseAmount('100'), limitPrice: null },
  },
  exit_on_wrong_side: { slot: 'stop', situation: { entryPrice: parseAmount('100') } },
  price_outside_collar: { slot: 'collar', terms: { collarBps: -2000 } },
  price_off_tick: { slot: 'tick', terms: { tick: parseAmount('7') } },
  quantity_off_lot: { slot: 'lot', terms: { lot: parseAmount('0.03') } },
  quantity_below_minimum: { slot: 'minimum', terms: { minQuantity: parseAmount('5') } },
  quantity_above_maximum: { slot: 'maximum', terms: { maxQuantity: parseAmount('0.5') } },
  notional_too_small: {
    slot: 'notional',
    order: {
      quantity: null,
      notional: parseAmount('1'),
      limitPrice: null,
      type: 'market',
      timeInForce: 'ioc',
    },
  },
  limit_missing: { slot: 'limits', situation: limitSays('limit_missing') },
  limit_exceeded: { slot: 'limits', situation: limitSays('limit_exceeded') },
  lot_not_available: { slot: 'lots', situation: { lotsAvailable: false } },
  margin_not_enabled: { slot: 'kind', situation: { contract: { ...CONTRACT, marginEnabled: false } } },
  leverage_above_maximum: {
    slot: 'leverage',
    situation: { riskProfile: 'aggressive' },
    order: { leverage: parseAmount('2') },
  },
  loss_beyond_collateral: {
    slot: 'collateral',
    // A short of one that was sold for 50, closed at 100 with nothing behind it.
    situation: {
      contract: { ...CONTRACT, against: ONE, enteredAt: parseAmount('50') },
      standard: parseAmount('90'),
    },
  },
  wallet_not_active: {
    slot: 'funds',
    situation: { funds: { status: 'suspended', available: 0n, isUnknown: true } },
  },
  margin_unknown: {
    slot: 'funds',
    situation: { funds: { status: 'active', available: 0n, isUnknown: true } },
  },
  insufficient_funds: { slot: 'funds', situation: { funds: null } },
  group_refused: { slot: 'group', situation: { companionRefused: true } },
};

/** An order without a price, a trigger or a number of units has none to find fault with. */
const NEVER_TOGETHER: Readonly<Partial<Record<RejectionReason, readonly RejectionReason[]>>> = {
  // What can only reduce needs no leverage to suit anybody.
  suitability_refused: ['reduce_exceeds_position'],
  nothing_to_reduce: ['loss_beyond_collateral'],
  reduce_exceeds_position: ['margin_not_enabled', 'loss_beyond_collateral'],
  margin_not_enabled: ['loss_beyond_collateral'],
  price_stale: ['price_outside_collar', 'price_off_tick', 'trail_out_of_range', 'exit_on_wrong_side'],
  trail_out_of_range: ['notional_too_small'],
  notional_too_small: [
    'exit_on_wrong_side',
    'reduce_exceeds_position',
    'stop_on_wrong_side',
    'trail_out_of_range',
    'price_outside_collar',
    'price_off_tick',
    'quantity_off_lot',
    'quantity_below_minimum',
    'quantity_above_maximum',
  ],
};

function excluded(one: RejectionReason, other: RejectionReason): boolean {
  return (
    FAULTS[one].slot === FAULTS[other].slot ||
    NEVER_TOGETHER[one]?.includes(other) === true ||
    NEVER_TOGETHER[other]?.includes(one) === true
  );
}

function reasonUnder(...faults: readonly Fault[]): string {
  const terms = Object.assign({}, TERMS, ...faults.map((fault) => fault.terms)) as Terms;
  const situation = Object.assign({}, GOOD, ...faults.map((fault) => fault.situation), {
    terms,
  }) as Situation;
  const base = order('buy 1 limit gtc 100');
  const answer = decideOrder(Object.assign({}, base, ...faults.map((fault) => fault.order)), situation);
  return answer.accepted ? 'accepted' : answer.reason;
}

describe('an order before the opening', () => {
  const table = [
    ['good till cancelled', {}, 'accepted'],
    ['of the day', { timeInForce: 'day' }, 'accepted'],
    ['post-only', { postOnly: true }, 'accepted'],
    ['ioc', { timeInForce: 'ioc' }, 'market_closed'],
    ['fok', { timeInForce: 'fok' }, 'market_closed'],
    ['at the market', { type: 'market', timeInForce: 'ioc', limitPrice: null }, 'market_closed'],
    ['that waits for a price', { type: 'stop_limit', stopPrice: parseAmount('105') }, 'market_closed'],
  ] as const;
  test.each(table)('%s', (_what, change, expected) => {
    const wanted = { ...order('buy 1 limit gtc 100'), ...change };
    const answer = decideOrder(wanted, { ...GOOD, market: 'pre_open' });
    expect(answer.accepted ? 'accepted' : answer.reason).toBe(expected);
  });
});

describe('an order that waits for a price', () => {
  // The last price is 100, the collar a tenth of it.
  const table = [
    // what it says                                     what it reserves at worst
    ['stop', 'buy', { stopPrice: '110' }, 'reserves 121.242 cap 121'],
    ['stop', 'sell', { stopPrice: '90' }, 'reserves 1 cap 81'],
    ['stop', 'buy', { stopPrice: '100' }, 'stop_on_wrong_side'],
    ['stop', 'sell', { stopPrice: '100' }, 'stop_on_wrong_side'],
    ['stop_limit', 'buy', { stopPrice: '110', limitPrice: '111' }, 'reserves 111.222'],
    ['stop_limit', 'buy', { stopPrice: '110', limitPrice: '121.5' }, 'price_outside_collar'],
    ['stop_limit', 'sell', { stopPrice: '90', limitPrice: '80.5' }, 'price_outside_collar'],
    ['take_profit', 'buy', { stopPrice: '90' }, 'reserves 99.198 cap 99'],
    ['take_profit', 'sell', { stopPrice: '110' }, 'reserves 1 cap 99'],
    ['take_profit', 'sell', { stopPrice: '99' }, 'stop_on_wrong_side'],
    ['trailing_stop', 'buy', { trailAmount: '10' }, 'reserves 121.242 cap 121'],
    ['trailing_stop', 'sell', { trailPercent: '10' }, 'reserves 1 cap 81'],
    ['trailing_stop', 'sell', { trailAmount: '100' }, 'trail_out_of_range'],
    ['stop', 'sell', { stopPrice: '90.3' }, 'price_off_tick'],
  ] as const;
  for (const [type, side, prices, answer] of table) {
    test(`${side} ${type} ${JSON.stringify(prices)}: ${answer}`, () => {
      const named = Object.fromEntries(
        Object.entries(prices).map(([member, text]) => [member, parseAmount(text)]),
      );
      const given = decideOrder(
        { ...order(`${side} 1 limit gtc 100`), limitPrice: null, type, ...named },
        GOOD,
      );
      const cap = given.accepted && given.priceCap !== null ? ` cap ${formatAmount(given.priceCap)}` : '';
      expect(given.accepted ? `reserves ${formatAmount(given.reservation)}${cap}` : given.reason).toBe(
        answer,
      );
    });
  }
});

describe('an exit', () => {
  // The market is at 100; the entry asks for 80, and the collar is a tenth.
  const table = [
    ['sell limit', { limitPrice: '80.5' }, 'reserves 1'],
    ['sell limit', { limitPrice: '80' }, 'exit_on_wrong_side'],
    ['buy  limit', { limitPrice: '79.5' }, 'reserves 79.659'],
    ['buy  limit', { limitPrice: '80' }, 'exit_on_wrong_side'],
    ['sell stop', { stopPrice: '79.5' }, 'reserves 1 cap 71.5'],
    ['sell stop', { stopPrice: '80' }, 'exit_on_wrong_side'],
    ['buy  stop', { stopPrice: '90' }, 'reserves 99.198 cap 99'],
    ['sell stop_limit', { stopPrice: '79', limitPrice: '70.5' }, 'price_outside_collar'],
    ['sell stop_limit', { stopPrice: '79.3', limitPrice: '79' }, 'price_off_tick'],
  ] as const;
  for (const [words, prices, answer] of table) {
    test(`${words} ${JSON.stringify(prices)}: ${answer}, whatever is held and however old the price`, () => {
      const [side, type] = words.split(/ +/) as ['buy' | 'sell', Instruction['type']];
      const named = Object.fromEntries(
        Object.entries(prices).map(([member, text]) => [member, parseAmount(text)]),
      );
      const given = decideOrder(
        { ...order(`${side} 1 limit gtc 100`), limitPrice: null, type, ...named },
        { ...GOOD, entryPrice: parseAmount('80'), funds: null, priceStale: true },
      );
      const cap = given.accepted && given.priceCap !== null ? ` cap ${formatAmount(given.priceCap)}` : '';
      expect(given.accepted ? `reserves ${formatAmount(given.reservation)}${cap}` : given.reason).toBe(
        answer,
      );
    });
  }
});

describe('the reason given is the first that applies', () => {
  test('nothing is wrong with the order that the faults are put into', () => {
    expect(reasonUnder()).toBe('accepted');
  });

  test('each reason belongs to one check, in the order of precedence', () => {
    expect(new Set(REJECTION_REASONS).size).toBe(REJECTION_REASONS.length);
    expect(PRE_TRADE_CHECKS.flatMap(({ reasons }): readonly string[] => reasons)).toEqual([
      ...REJECTION_REASONS,
    ]);
  });

  test('the documented table has the same reasons in the same order', async () => {
    const page = await Bun.file(new URL('../../../docs/howto/pre-trade-checks.md', import.meta.url)).text();
    const rows = page.matchAll(/^\| ([a-z -]*) ?\| `([a-z_]+)` \|/gm);
    const documented = [...rows].map(([, check, reason]) => [check?.trim(), reason]);
    const checks = PRE_TRADE_CHECKS.flatMap(({ name, reasons }) =>
      reasons.map((reason, place) => [place === 0 ? name : '', reason]),
    );
    expect(documented).toEqual(checks);
  });

  for (const [index, first] of REJECTION_REASONS.entries()) {
    test(`${first}, whatever comes after it`, () => {
      expect(reasonUnder(FAULTS[first])).toBe(first);
      for (const later of REJECTION_REASONS.slice(index + 1)) {
        if (!excluded(first, later)) {
          expect([first, later, reasonUnder(FAULTS[first], FAULTS[later])]).toEqual([first, later, first]);
          expect([first, later, reasonUnder(FAULTS[later], FAULTS[first])]).toEqual([first, later, first]);
        }
      }
    });
  }
});

describe('a liquidation', () => {
  const closing = { ...order('sell 1 market ioc'), reduceOnly: true };
  const standing = { ...CONTRACT, against: parseAmount('1'), restingReducing: parseAmount('1') };
  const situation: Situation = {
    ...GOOD,
    terms: { ...TERMS, kind: 'contract', minNotional: parseAmount('1000') },
    contract: standing,
    ...limitSays('limit_exceeded'),
    liquidationOpen: 'elsewhere',
  };

  test('is kept off by no order that only reduces, by no limit and by no least value', () => {
    const own = { ...situation, closing: true };
    expect(decideOrder(closing, own)).toMatchObject({ accepted: true });
    expect(decideOrder({ ...closing, quantity: parseAmount('0.5') }, own)).toMatchObject({ accepted: true });
    expect(decideOrder({ ...closing, quantity: parseAmount('2') }, own)).toMatchObject({
      reason: 'reduce_exceeds_position',
    });
    expect(decideOrder(closing, situation)).toMatchObject({ reason: 'reduce_exceeds_position' });
    const free = { ...situation, contract: { ...standing, restingReducing: 0n } };
    expect(decideOrder(closing, free)).toMatchObject({ reason: 'limit_exceeded' });
  });

  test('lets its owner close meanwhile, and neither open nor rest what it would meet', () => {
    const reasonOf = (words: string, reduceOnly: boolean, liquidationOpen: Situation['liquidationOpen']) => {
      const contract = { ...standing, restingReducing: 0n };
      const given = decideOrder(
        { ...order(words), reduceOnly },
        { ...GOOD, terms: { ...TERMS, kind: 'contract' }, contract, liquidationOpen },
      );
      return given.accepted ? 'accepted' : given.reason;
    };
    expect(reasonOf('buy 1 limit gtc 100', false, 'elsewhere')).toBe('liquidation_open');
    expect(reasonOf('buy 1 limit gtc 100', true, 'elsewhere')).toBe('accepted');
    expect(reasonOf('buy 1 limit gtc 100', true, 'opposite')).toBe('liquidation_open');
    expect(reasonOf('buy 1 market ioc', true, 'opposite')).toBe('accepted');
    expect(reasonOf('buy 1 market ioc', false, 'opposite')).toBe('liquidation_open');
    expect(reasonOf('buy 1 limit gtc 100', false, null)).toBe('accepted');
  });
});

describe('a customer’s closing', () => {
  // Short of 10, sold at 100, a tick of 0.5, a collar of a tenth; the price is the mark unless another is given.
  const short = { ...CONTRACT, against: parseAmount('10'), enteredAt: parseAmount('1000') };
  type Backed = { readonly behind: string; readonly lost?: string; readonly mark?: string | null };
  const asked = (
    words: string,
    { behind, lost = '0', mark = '100' }: Backed,
    more: Partial<Situation> = {},
  ) =>
    verdict(words, {
      terms: { ...TERMS, kind: 'contract' },
      contract: { ...short, lostBeside: parseAmount(lost) },
      collateral: parseAmount(behind),
      standard: mark === null ? null : parseAmount(mark),
      ...more,
    }).replace(/^reserves \S+/, 'accepted');

  const table: readonly (readonly [string, Backed, string])[] = [
    // 38 behind 10 units last until 103.8.
    ['buy 10 limit gtc 103.5', { behind: '38' }, 'accepted'],
    ['buy 10 limit gtc 104', { behind: '38' }, 'loss_beyond_collateral'],
    ['buy 10 limit gtc 110', { behind: '38' }, 'loss_beyond_collateral'],
    ['buy 10 market ioc', { behind: '38' }, 'accepted cap 103.5'],
    ['buy 10 market ioc', { behind: '500' }, 'accepted cap 110'],
    // A half may cost twice as much, less what the other half has lost by the mark.
    ['buy 5 limit gtc 107.5', { behind: '38' }, 'accepted'],
    ['buy 5 limit gtc 108', { behind: '38' }, 'loss_beyond_collateral'],
    ['buy 5 limit gtc 103', { behind: '38', mark: '104.5' }, 'accepted'],
    // What other positions have lost is not there for this one.
    ['buy 10 limit gtc 102', { behind: '38', lost: '20' }, 'loss_beyond_collateral'],
    ['buy 10 limit gtc 101.5', { behind: '38', lost: '20' }, 'accepted'],
    // Where nothing is left it is still closed at the mark, but for one that anybody could have made.
    ['buy 10 limit gtc 105', { behind: '38', mark: '105' }, 'accepted'],
    ['buy 10 limit gtc 105.5', { behind: '38', mark: '105' }, 'loss_beyond_collateral'],
    ['buy 10 limit gtc 105', { behind: '38', mark: null }, 'loss_beyond_collateral'],
    ['buy 10 market ioc', { behind: '0', mark: '105' }, 'accepted cap 105'],
    // What it would sell for more is none of that.
    ['sell 1 limit gtc 110', { behind: '38' }, 'accepted'],
  ];
  for (const [words, backed, answer] of table) {
    test(`${words} ${JSON.stringify(backed)}: ${answer}`, () => {
      expect(asked(words, backed)).toBe(answer);
    });
  }

  test('of a long position is bound from below', () => {
    // Sells close it: 38 behind 10 units that were bought at 100 last until 96.2.
    expect(asked('sell 10 limit gtc 96.5', { behind: '38' })).toBe('accepted');
    expect(asked('sell 10 limit gtc 96', { behind: '38' })).toBe('loss_beyond_collateral');
    expect(asked('sell 10 market ioc', { behind: '38' })).toBe('accepted cap 96.5');
    expect(asked('sell 10 market ioc', { behind: '5000' })).toBe('accepted cap 90');
    expect(asked('sell 10 market ioc', { behind: '0', mark: '95.2' })).toBe('accepted cap 95.5');
  });

  test('is bound by the maintenance margin where the firm closes, whatever is behind it, and by the collar', () => {
    const firm = (words: string, maintenanceMarginBps: number, more: Partial<Situation> = {}) => {
      const terms = { ...TERMS, kind: 'contract', maintenanceMarginBps } as const;
      return asked(words, { behind: '0' }, { liquidating: true, terms, ...more });
    };
    expect(firm('buy 10 market ioc', 270)).toBe('accepted cap 102.5');
    expect(firm('sell 10 market ioc', 270)).toBe('accepted cap 97.5');
    expect(firm('buy 10 market ioc', 2000)).toBe('accepted cap 110');
    // The tick next to the mark is within it, however coarse ticks are.
    const off = { last: parseAmount('100.2') };
    expect(firm('buy 10 market ioc', 1, off)).toBe('accepted cap 100.5');
    expect(firm('sell 10 market ioc', 1, off)).toBe('accepted cap 100');
    expect(firm('buy 10 market ioc', 270, { priceVouched: false })).toBe('price_stale');
  });

  test('is not bound before it waits for its price no more', () => {
    const waits = { ...order('buy 10 market gtc'), type: 'stop', stopPrice: parseAmount('105') } as const;
    const given = decideOrder(waits, { ...GOOD, contract: short, terms: { ...TERMS, kind: 'contract' } });
    expect(given).toMatchObject({ accepted: true, priceCap: parseAmount('115.5') });
  });
});

describe('a contract whose price nobody stands for', () => {
  const unsure: Partial<Situation> = {
    terms: { ...TERMS, kind: 'contract' },
    contract: { ...CONTRACT, against: parseAmount('1'), enteredAt: parseAmount('100') },
    collateral: parseAmount('50'),
    priceVouched: false,
  };
  const asked = (more: Partial<Instruction>, situation: Partial<Situation> = {}) => {
    const given = decideOrder(
      { ...order('buy 1 limit gtc 100'), ...more },
      { ...GOOD, ...unsure, ...situation },
    );
    return given.accepted ? 'accepted' : given.reason;
  };

  test('opens nothing, at whatever price, and is reduced at a price of one’s own', () => {
    expect(asked({})).toBe('price_stale');
    expect(asked({ type: 'stop_limit', stopPrice: parseAmount('99') })).toBe('price_stale');
    expect(asked({ reduceOnly: true })).toBe('accepted');
    const market = { reduceOnly: true, type: 'market', timeInForce: 'ioc', limitPrice: null } as const;
    expect(asked(market, { priceStale: true })).toBe('price_stale');
    expect(asked({}, { priceVouched: true })).toBe('accepted');
  });
});

describe('leverage suits the risk a person said they bear', () => {
  const table = [
    [null, '1', true],
    [null, '1.1', false],
    ['conservative', '2', false],
    ['moderate', '5', true],
    ['moderate', '5.01', false],
    ['aggressive', '50', true],
  ] as const;
  for (const [riskProfile, leverage, suits] of table) {
    test(`${riskProfile ?? 'nothing said'} with ${leverage}: ${suits ? 'suits' : 'refused'}`, () => {
      const answer = reasonUnder({
        slot: '',
        situation: { riskProfile },
        order: { leverage: parseAmount(leverage) },
      });
      expect(answer === 'suitability_refused').toBe(!suits);
    });
  }
});

describe('what is measured', () => {
  test('a limit far behind the market is no offence', () => {
    expect(verdict('buy 1 limit gtc 0.5')).toBe('reserves 0.501');
    expect(verdict('sell 1 limit gtc 100000')).toBe('reserves 1');
  });

  test('a sale far below the market is worth the market price', () => {
    const seen: bigint[] = [];
    const limits = ({ value }: Wanted) => {
      seen.push(value);
      return null;
    };
    verdict('sell 1 limit gtc 90', { limits });
    verdict('sell 1 limit gtc 150', { limits });
    verdict('buy 1 market ioc', { limits });
    expect(seen.map(formatAmount)).toEqual(['100', '150', '110']);
  });

  test('only orders that may stay open count as open: those that may rest, and all at a venue', () => {
    const rests = (words: string, executedBy: Situation['executedBy'] = 'internal') => {
      let asked: boolean | undefined;
      verdict(words, {
        executedBy,
        limits: (wanted) => {
          asked = wanted.rests;
          return null;
        },
      });
      return asked;
    };
    expect(rests('buy 1 limit ioc 100')).toBe(false);
    expect(rests('buy 1 market ioc')).toBe(false);
    expect(rests('buy 1 limit day 100')).toBe(true);
    expect(rests('buy 1 limit ioc 100', 'venue')).toBe(true);
    expect(rests('buy 1 market ioc', 'venue')).toBe(true);
  });

  test('whoever closes a whole position at a venue at once is asked of no limit of open orders', () => {
    const asked = (words: string) => {
      let rests: boolean | undefined;
      const contract = { ...CONTRACT, against: ONE, enteredAt: parseAmount('100') };
      const terms = { ...TERMS, kind: 'contract' } as const;
      decideOrder(
        { ...order(words), reduceOnly: true },
        {
          ...GOOD,
          contract,
          terms,
          executedBy: 'venue',
          limits: (wanted) => {
            rests = wanted.rests;
            return null;
          },
        },
      );
      return rests;
    };
    expect(asked('buy 1 market ioc')).toBe(false);
    expect(asked('buy 0.5 market ioc')).toBe(true);
    expect(asked('buy 1 limit gtc 100')).toBe(true);
  });

  test('a refusal names the limit behind it', () => {
    const limitId = '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001';
    const limit = { reason: 'limit_exceeded', limitId, type: 'max_daily_volume' } as const;
    const answer = decideOrder(order('buy 1 limit gtc 100'), { ...GOOD, limits: () => limit });
    expect(answer).toEqual({ accepted: false, reason: 'limit_exceeded', limit });
  });

  test('an order beyond what an amount holds is refused, not an error', () => {
    const huge = { ...TERMS, maxQuantity: parseAmount('999999999999') };
    expect(verdict('buy 999999999999 limit gtc 100', { terms: huge })).toBe('limit_exceeded');
  });

  test('the cap of a market order is on a tick and never below one', () => {
    const coarse = { ...TERMS, tick: parseAmount('7') };
    expect(verdict('buy 1 market ioc', { terms: coarse })).toBe('reserves 112.224 cap 112');
    expect(verdict('sell 1 market ioc', { terms: coarse })).toBe('reserves 1 cap 84');
    expect(verdict('sell 1 market ioc', { terms: coarse, last: parseAmount('3') })).toBe('reserves 1 cap 7');
  });
});
