import { describe, expect, test } from 'bun:test';
import { formatAmount, ONE, parseAmount } from '../../kernel/amount.ts';
import { type Instant, parseInstant } from '../../kernel/time.ts';
import { largestMove, reaches } from './breakers/price-move.ts';
import { isLooser, type RuleTerms } from './breakers/rule-terms.ts';
import { convertBy } from './convert.ts';
import {
  bindingLimit,
  type Exposure,
  type LimitRow,
  type LimitScope,
  type LimitSubject,
  type LimitType,
  limitRefusal,
  type NearLimit,
  type RiskState,
  type Turnover,
  type Wanted,
} from './rules.ts';

const TODAY = parseInstant('2026-03-01T20:00:00Z');
const YESTERDAY = parseInstant('2026-02-28T20:00:00Z');

const SUBJECT: LimitSubject = {
  accountId: 'acc',
  userId: 'usr',
  ownAccounts: ['acc', 'acc2'],
  instrumentId: 'ins',
  asset: 'BTC',
  currency: 'USD',
};
const SCOPE_IDS: Record<LimitScope, string> = {
  account: 'acc',
  user: 'usr',
  instrument: 'ins',
  asset: 'BTC',
  platform: '',
};

function row(scope: LimitScope, value: string, more: Partial<LimitRow> = {}): LimitRow {
  return {
    id: `${scope}-${value}`,
    scope,
    scopeId: SCOPE_IDS[scope],
    type: 'max_order_value',
    value: parseAmount(value),
    currency: 'USD',
    effectiveFrom: parseInstant('2026-01-01T00:00:00Z'),
    alertPercent: 80,
    dayStart: TODAY,
    ...more,
  };
}

function binding(rows: readonly LimitRow[], type: LimitType = 'max_order_value'): LimitRow | null {
  const rowsOf = (scope: LimitScope, scopeId: string) =>
    rows.filter((limit) => limit.scope === scope && limit.scopeId === scopeId);
  return bindingLimit(rowsOf, type, SUBJECT);
}

describe('the limit that binds', () => {
  const widest = ['platform', 'asset', 'instrument', 'user', 'account'] as const;
  for (const [index, scope] of widest.entries()) {
    test(`of ${widest.slice(0, index + 1).join(', ')} is the one of the ${scope}`, () => {
      const rows = widest.slice(0, index + 1).map((name, place) => row(name, String(place + 1)));
      expect(binding(rows)?.scope).toBe(scope);
    });
  }

  const none: readonly (readonly [string, Partial<LimitRow>])[] = [
    ['of another type', { type: 'max_open_orders' }],
    ['of another scope id', { scopeId: 'other' }],
  ];
  for (const [what, more] of none) {
    test(`is none where there is only one ${what}`, () => {
      expect(binding([row('account', '1', more)])).toBeNull();
    });
  }

  test('in another currency binds before a wider one, and gives way to one of its scope in that of the order', () => {
    const [euro, wider] = [row('account', '1', { currency: 'EUR' }), row('platform', '5')];
    expect(binding([euro, wider])).toBe(euro);
    const older = row('account', '9', { effectiveFrom: parseInstant('2025-01-01T00:00:00Z') });
    expect(binding([euro, wider, older])).toBe(older);
  });

  test('of one scope is the one that took effect last, whatever their order', () => {
    const older = row('account', '9', { currency: null });
    const newer = row('account', '2', { effectiveFrom: parseInstant('2026-02-01T00:00:00Z') });
    expect(binding([newer, older])?.value).toBe(parseAmount('2'));
    expect(binding([older, newer])?.value).toBe(parseAmount('2'));
  });
});

type World = {
  readonly limits?: Readonly<Partial<Record<LimitType, Partial<LimitRow> & { readonly at: string }>>>;
  readonly exposures?: readonly (Partial<Exposure> & {
    readonly open?: string;
    readonly sells?: string;
    readonly net?: string;
  })[];
  readonly turnovers?: readonly (Partial<Turnover> & { readonly traded?: string; readonly won?: string })[];
  readonly held?: Readonly<Record<string, string>>;
};

/** Every limit there is, far away; what a test is about is nearer. */
const FAR = '1000000';
const TYPES: readonly LimitType[] = [
  'max_order_value',
  'max_daily_volume',
  'max_position',
  'max_daily_loss',
  'max_open_orders',
  'max_leverage',
];

function stateOf({ limits = {}, exposures = [], turnovers = [], held = {} }: World): RiskState {
  const rows = TYPES.map((type) => {
    const { at, ...more } = limits[type] ?? { at: FAR, scope: 'platform' as const };
    const scope: LimitScope = more.scope ?? 'platform';
    return row(scope, at, { scopeId: SCOPE_IDS[scope], id: type, currency: null, type, ...more });
  });
  const here = { accountId: 'acc', instrumentId: 'ins', asset: 'BTC', currency: 'USD' };
  const opened = exposures.map(({ open = '0', sells = '0', net = '0', ...more }) => ({
    ...here,
    openOrders: 1,
    openBuyValue: parseAmount(open),
    openSellValue: parseAmount(sells),
    netQuantity: parseAmount(net),
    ...more,
  }));
  const traded = turnovers.map(({ traded: volume = '0', won = '0', ...more }) => ({
    ...here,
    since: TODAY as Instant,
    volume: parseAmount(volume),
    realisedPnl: parseAmount(won),
    ...more,
  }));
  return {
    bindingOf: (type) => rows.find((limit) => limit.type === type) ?? null,
    exposuresOf: (accountId) => opened.filter((exposure) => exposure.accountId === accountId),
    turnoversOf: (accountId) => traded.filter((turnover) => turnover.accountId === accountId),
    heldOf: (accountId) => parseAmount(held[accountId] ?? '0'),
    convert: convertBy([{ base: 'EUR', quote: 'USD', price: parseAmount('1.25') }]),
  };
}

/** `'buy 100'` is an order worth 100 in its quote asset, where a unit is worth 10. */
function answer(words: string, world: World, more: Partial<Wanted> = {}, near: NearLimit[] = []): string {
  const [side, value = ''] = words.split(' ');
  const wanted: Wanted = {
    kind: 'spot',
    side: side as Wanted['side'],
    value: parseAmount(value),
    price: parseAmount('10'),
    rests: true,
    leverage: ONE,
    ...more,
  };
  const refusal = limitRefusal(stateOf(world), SUBJECT, wanted, near);
  return refusal === null ? 'kept' : `${refusal.reason} ${refusal.limitId}`;
}

describe('an order against its limits', () => {
  const other = { accountId: 'acc2' };
  const elsewhere = { instrumentId: 'ins2', asset: 'ETH' };
  const table: readonly (readonly [string, string, World, Partial<Wanted>, string])[] = [
    ['worth what it may be', 'buy 100', { limits: { max_order_value: { at: '100' } } }, {}, 'kept'],
    [
      'worth a unit more',
      'buy 100.00000001',
      { limits: { max_order_value: { at: '100' } } },
      {},
      'max_order_value',
    ],
    [
      'of nothing under a limit of zero',
      'buy 1',
      { limits: { max_order_value: { at: '0' } } },
      {},
      'max_order_value',
    ],
    [
      'in euros that is kept',
      'buy 125',
      { limits: { max_order_value: { at: '100', currency: 'EUR' } } },
      {},
      'kept',
    ],
    [
      'in euros that is passed',
      'buy 126',
      { limits: { max_order_value: { at: '100', currency: 'EUR' } } },
      {},
      'max_order_value',
    ],
    [
      'in a currency no rate leads to',
      'buy 1',
      { limits: { max_order_value: { at: '100', currency: 'MUR' } } },
      {},
      'missing max_order_value',
    ],
    [
      'after as many open orders as there may be',
      'sell 1',
      { limits: { max_open_orders: { at: '2' } }, exposures: [{}, elsewhere] },
      {},
      'max_open_orders',
    ],
    [
      'that does not rest, after as many',
      'sell 1',
      { limits: { max_open_orders: { at: '2' } }, exposures: [{}, elsewhere] },
      { rests: false },
      'kept',
    ],
    [
      'after as many in the instrument that has the limit',
      'sell 1',
      { limits: { max_open_orders: { at: '2', scope: 'instrument' } }, exposures: [{}, elsewhere] },
      {},
      'kept',
    ],
    [
      'after as many of the person, in any account',
      'sell 1',
      { limits: { max_open_orders: { at: '2', scope: 'user' } }, exposures: [{}, other] },
      {},
      'max_open_orders',
    ],
    [
      'with what is open and what was traded today',
      'sell 41',
      {
        limits: { max_daily_volume: { at: '100' } },
        exposures: [{ open: '10', sells: '20' }],
        turnovers: [{ traded: '30' }, { traded: '999', since: YESTERDAY }],
      },
      {},
      'max_daily_volume',
    ],
    [
      'with what just fits',
      'sell 40',
      {
        limits: { max_daily_volume: { at: '100' } },
        exposures: [{ open: '10', sells: '20' }],
        turnovers: [{ traded: '30' }],
      },
      {},
      'kept',
    ],
    [
      'where only another currency was traded',
      'sell 100',
      { limits: { max_daily_volume: { at: '100' } }, turnovers: [{ traded: '50', currency: 'EUR' }] },
      {},
      'kept',
    ],
    [
      'where the limit counts the other currency too',
      'sell 100',
      {
        limits: { max_daily_volume: { at: '100', currency: 'USD' } },
        turnovers: [{ traded: '1', currency: 'EUR' }],
      },
      {},
      'max_daily_volume',
    ],
    [
      'that buys on top of what is held and what is being bought',
      'buy 31',
      { limits: { max_position: { at: '100' } }, held: { acc: '5' }, exposures: [{ open: '20' }] },
      {},
      'max_position',
    ],
    [
      'that buys what just fits',
      'buy 30',
      {
        limits: { max_position: { at: '100' } },
        held: { acc: '5' },
        exposures: [{ open: '20', sells: '90' }],
      },
      {},
      'kept',
    ],
    [
      'that buys the asset through another instrument as well',
      'buy 31',
      {
        limits: { max_position: { at: '100' } },
        held: { acc: '5' },
        exposures: [{ open: '20', instrumentId: 'ins2' }],
      },
      {},
      'max_position',
    ],
    [
      'that sells what is far too much',
      'sell 31',
      { limits: { max_position: { at: '1' }, max_daily_loss: { at: '0' } }, held: { acc: '500' } },
      {},
      'kept',
    ],
    [
      'of a person who holds the rest elsewhere',
      'buy 31',
      { limits: { max_position: { at: '100', scope: 'user' } }, held: { acc: '2', acc2: '5' } },
      {},
      'max_position',
    ],
    [
      'that buys after a loss beyond the limit',
      'buy 1',
      { limits: { max_daily_loss: { at: '10' } }, turnovers: [{ won: '-11' }] },
      {},
      'max_daily_loss',
    ],
    [
      'that buys after a loss that was won back',
      'buy 1',
      { limits: { max_daily_loss: { at: '10' } }, turnovers: [{ won: '-11' }, { won: '1', ...elsewhere }] },
      {},
      'kept',
    ],
    [
      'of a contract with more leverage than there may be',
      'buy 1',
      { limits: { max_leverage: { at: '5' } } },
      { kind: 'contract', leverage: parseAmount('5.1') },
      'max_leverage',
    ],
    [
      'of a contract that closes what is short',
      'buy 50',
      {
        limits: { max_position: { at: '60' }, max_daily_loss: { at: '0' } },
        exposures: [{ net: '-5' }],
        turnovers: [{ won: '-1' }],
      },
      { kind: 'contract' },
      'kept',
    ],
    [
      'of a contract that would turn what is short',
      'buy 120',
      { limits: { max_position: { at: '60' } }, exposures: [{ net: '-5' }] },
      { kind: 'contract' },
      'max_position',
    ],
    [
      'of a contract that sells short',
      'sell 61',
      { limits: { max_position: { at: '60' } } },
      { kind: 'contract' },
      'max_position',
    ],
  ];
  test.each(table)('%s: %s', (_what, words, world, more, expected) => {
    const refusal = expected.startsWith('missing ')
      ? expected.replace('missing', 'limit_missing')
      : `limit_exceeded ${expected}`;
    expect(answer(words, world, more)).toBe(expected === 'kept' ? 'kept' : refusal);
  });

  test('a limit that is missing refuses before one that is exceeded', () => {
    const state = stateOf({ limits: { max_order_value: { at: '1' } } });
    const without: RiskState = {
      ...state,
      bindingOf: (type, subject) => (type === 'max_open_orders' ? null : state.bindingOf(type, subject)),
    };
    const wanted: Wanted = {
      kind: 'spot',
      side: 'buy',
      value: parseAmount('2'),
      price: ONE,
      rests: true,
      leverage: ONE,
    };
    expect(limitRefusal(without, SUBJECT, wanted, [])).toEqual({
      reason: 'limit_missing',
      limitId: null,
      type: 'max_open_orders',
    });
  });

  test('tells of limits that an order brings near their end, from where the limit says', () => {
    const near: NearLimit[] = [];
    const limits = { max_position: { at: '100', alertPercent: 90 }, max_daily_volume: { at: '100' } };
    expect(answer('buy 80', { limits }, {}, near)).toBe('kept');
    expect(near.map(({ limit, used }) => [limit.type, formatAmount(used)])).toEqual([
      ['max_daily_volume', '80'],
    ]);
  });
});

describe('a rate', () => {
  const convert = convertBy([{ base: 'EUR', quote: 'USD', price: parseAmount('1.1') }]);
  test('leads both ways, rounded away from zero, and no further', () => {
    expect(convert(parseAmount('10'), 'EUR', 'USD')).toBe(parseAmount('11'));
    expect(convert(parseAmount('10'), 'USD', 'EUR')).toBe(parseAmount('9.0909091'));
    expect(convert(parseAmount('10'), 'MUR', 'MUR')).toBe(parseAmount('10'));
    expect(convert(parseAmount('10'), 'MUR', 'USD')).toBeNull();
  });
});

describe('a move of the price', () => {
  const range = (low: string, high: string) => ({ low: parseAmount(low), high: parseAmount(high) });
  const table = [
    ['90', '100', '100', '100', '90 to 100'],
    ['100', '110', '95', '95', '110 to 95'],
    ['100', '100', '99', '102', '100 to 102'],
  ] as const;
  test.each(table)('from %s to %s, then %s to %s: %s', (low, high, nowLow, nowHigh, expected) => {
    const { from, to } = largestMove(range(low, high), range(nowLow, nowHigh));
    expect(`${formatAmount(from)} to ${formatAmount(to)}`).toBe(expected);
  });

  test('reaches its bps inclusively, up and down', () => {
    const move = { from: parseAmount('100'), to: parseAmount('95') };
    expect([reaches(move, 500), reaches(move, 501)]).toEqual([true, false]);
    const up = { from: parseAmount('100'), to: parseAmount('105') };
    expect([reaches(up, 500), reaches(up, 501)]).toEqual([true, false]);
  });
});

describe('a rule of a breaker is looser', () => {
  const rule: RuleTerms = {
    active: true,
    moveBps: 500,
    windowSeconds: 60,
    pauseSeconds: 60,
    alertBps: 100,
    platformMoveBps: 900,
  };
  const table: readonly (readonly [Partial<RuleTerms>, boolean])[] = [
    [{}, false],
    [{ moveBps: 499, windowSeconds: 61, pauseSeconds: 61, alertBps: 99 }, false],
    [{ active: false }, true],
    [{ moveBps: 501 }, true],
    [{ windowSeconds: 59 }, true],
    [{ pauseSeconds: 59 }, true],
    [{ moveBps: 1, alertBps: 101 }, true],
    [{ platformMoveBps: 899 }, false],
    [{ platformMoveBps: 901 }, true],
    [{ platformMoveBps: null }, true],
  ];
  test.each(table)('with %j: %s', (change, looser) => {
    expect(isLooser({ ...rule, ...change }, rule)).toBe(looser);
    expect(isLooser({ ...rule, ...change }, null)).toBe(false);
    expect(isLooser({ ...rule, ...change }, { ...rule, active: false })).toBe(false);
  });
});
