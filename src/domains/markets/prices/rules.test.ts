import { describe, expect, test } from 'bun:test';
import { parseAmount } from '../../../kernel/amount.ts';
import { parseInstant } from '../../../kernel/time.ts';
import { candleOpening } from './fold-ticks.ts';
import {
  judgeTick,
  oldestOf,
  type Position,
  quoteRefusal,
  referencePriceRefusal,
  votesForPrice,
} from './rules.ts';

const NOW = parseInstant('2026-03-04T12:00:00Z');
const AT = parseInstant('2026-03-04T11:59:59Z');

const POSITION: Position = {
  sequence: 10n,
  occurredAt: AT,
  price: parseAmount('100'),
  levelPrice: null,
  levelCount: 0,
  unsettled: false,
};

const LIMITS = { maxJumpBps: 100, staleAfterSeconds: 30, oldest: parseInstant('2026-03-04T11:59:30Z') };

function tick(changes: object = {}) {
  return { symbol: 'X', price: '100.5', size: '1', sequence: 11n, occurredAt: NOW, ...changes };
}

describe('a tick', () => {
  const table = [
    // what                                       answer
    [{}, null],
    [{ price: '101' }, null],
    [{ price: '101.00000001' }, 'jump'],
    [{ price: '98.99' }, 'jump'],
    [{ price: '1.123456789' }, 'off_scale'],
    [{ price: '1e2' }, 'off_scale'],
    [{ price: '' }, 'off_scale'],
    [{ size: 'one' }, 'off_scale'],
    [{ price: '0' }, 'not_positive'],
    [{ price: '-100' }, 'not_positive'],
    [{ size: '-1' }, 'not_positive'],
    [{ size: '0' }, null],
    [{ occurredAt: parseInstant('2026-03-04T12:00:05Z') }, null],
    [{ occurredAt: parseInstant('2026-03-04T12:00:05.000001Z') }, 'in_future'],
    [{ sequence: 10n }, 'repeated'],
    [{ sequence: 9n }, 'sequence_backwards'],
    [{ occurredAt: AT }, null],
    [{ occurredAt: parseInstant('2026-03-04T11:59:58.999999Z') }, 'time_backwards'],
    // The first that applies is the reason.
    [{ price: '0', sequence: 10n }, 'not_positive'],
    [{ price: '500', sequence: 10n }, 'repeated'],
  ] as const;
  for (const [changes, reason] of table) {
    test(`${JSON.stringify(changes, (_name, value) => (typeof value === 'bigint' ? `${value}` : value))}: ${reason ?? 'believed'}`, () => {
      const verdict = judgeTick(tick(changes), POSITION, LIMITS, NOW);
      expect(verdict.accepted ? null : verdict.reason).toBe(reason);
    });
  }

  test('that is not believed leaves the feed where it was, but for one that jumps', () => {
    const behind = judgeTick(tick({ sequence: 9n }), POSITION, LIMITS, NOW).position;
    expect(behind).toEqual({ ...POSITION, unsettled: true });
    expect(judgeTick(tick({ price: '200' }), POSITION, LIMITS, NOW).position).toEqual({
      sequence: 11n,
      occurredAt: NOW,
      price: parseAmount('100'),
      levelPrice: parseAmount('200'),
      levelCount: 1,
      unsettled: true,
    });
  });

  test('that happened before its price would be stale is too old, unless it is retold: then it is true and no news', () => {
    const before = { ...POSITION, occurredAt: parseInstant('2026-03-04T06:00:00Z') };
    const judged = (changes: object) => judgeTick(tick(changes), before, LIMITS, NOW);
    const old = { occurredAt: parseInstant('2026-03-04T11:59:29.999999Z') };
    expect(judged({ occurredAt: LIMITS.oldest })).toMatchObject({ accepted: true, fresh: true });
    expect(judged(old)).toMatchObject({
      reason: 'too_old',
      position: { ...before, unsettled: true },
    });
    expect(judged({ ...old, price: '200' })).toMatchObject({
      reason: 'too_old',
      position: { levelCount: 0 },
    });
    expect(judged({ ...old, sequence: 10n })).toMatchObject({ reason: 'repeated' });
    expect(judged({ ...old, retold: true })).toMatchObject({ accepted: true, fresh: false });
    // What waited here was young when we heard it; what was old by then stays so.
    const heard = (at: string) => ({ heardAt: parseInstant(at) });
    const inTime = heard('2026-03-04T11:59:59.999999Z');
    expect(judged({ ...old, ...inTime })).toMatchObject({ accepted: true, fresh: false });
    expect(judged({ ...old, ...heard('2026-03-04T12:00:00Z') })).toMatchObject({ reason: 'too_old' });
    expect(judged({ ...old, retold: true, price: '200' })).toMatchObject({ reason: 'jump' });
    const quote = { symbol: 'X', bid: '99.9', ask: '100.1', ...old };
    expect(quoteRefusal(quote, before, LIMITS)).toBe('too_old');
    expect(quoteRefusal({ ...quote, retold: true }, before, LIMITS)).toBeNull();
    expect(quoteRefusal({ ...quote, ...inTime }, before, LIMITS)).toBeNull();
  });

  test('is as old as the earlier clock says: a feed may go by the real one where business time was moved', () => {
    const minute = parseInstant('2026-03-04T11:59:00Z');
    const moved = parseInstant('2026-05-04T12:00:00Z');
    expect([oldestOf(NOW, moved, 60), oldestOf(moved, NOW, 60)]).toEqual([minute, minute]);
  });

  test('unsettles the price when it is refused, unless it only repeats the last; one believed settles it', () => {
    const unsettled = (changes: object) => judgeTick(tick(changes), POSITION, LIMITS, NOW).position.unsettled;
    const last = { sequence: 10n, occurredAt: AT };
    expect(unsettled({ ...last, price: '100' })).toBe(false);
    const refused = [
      { ...last, price: '100.5' },
      { ...last, price: '100', occurredAt: NOW },
      { price: '1.123456789' },
      { price: '0' },
      { occurredAt: parseInstant('2026-03-04T12:01:00Z') },
      { sequence: 9n },
      { occurredAt: parseInstant('2026-03-04T11:00:00Z') },
      { price: '200' },
    ];
    expect(refused.map(unsettled)).toEqual(refused.map(() => true));
    const after = judgeTick(tick(), { ...POSITION, unsettled: true }, LIMITS, NOW);
    expect(after.position.unsettled).toBe(false);
  });

  test('beyond a jump counts for its level as long as the others agree with it', () => {
    const counts = ['200', '201', '202', '150', '151', '100.5', '200'].reduce(
      ({ position, seen }, price, index) => {
        const verdict = judgeTick(tick({ price, sequence: BigInt(11 + index) }), position, LIMITS, NOW);
        return { position: verdict.position, seen: [...seen, verdict.position.levelCount] };
      },
      { position: POSITION, seen: [] as number[] },
    );
    expect(counts.seen).toEqual([1, 2, 3, 1, 2, 0, 1]);
  });
});

test('a bid and an ask must be sound, ordered, and near the price', () => {
  const refusals = [
    ['99.9', '100.1'],
    ['100.1', '99.9'],
    ['98', '100'],
    ['100', '102'],
    ['0', '100'],
    ['x', '100'],
  ].map(([bid = '', ask = '']) => quoteRefusal({ symbol: 'X', bid, ask, occurredAt: AT }, POSITION, LIMITS));
  expect(refusals).toEqual([null, 'quote_crossed', 'jump', 'jump', 'not_positive', 'off_scale']);
});

test('candles open on whole minutes and hours, at midnight UTC, and on Monday', () => {
  const at = parseInstant('2026-03-04T13:47:59.999999Z');
  const openings = (['1m', '5m', '15m', '1h', '4h', '1d', '1w'] as const).map((interval) =>
    candleOpening(interval, at).slice(0, 16),
  );
  expect(openings).toEqual([
    '2026-03-04T13:47',
    '2026-03-04T13:45',
    '2026-03-04T13:45',
    '2026-03-04T13:00',
    '2026-03-04T12:00',
    '2026-03-04T00:00',
    '2026-03-02T00:00',
  ]);
  expect(candleOpening('1w', parseInstant('2026-03-08T23:59:59.999999Z'))).toStartWith('2026-03-02');
  expect(candleOpening('1w', parseInstant('2026-03-09T00:00:00Z'))).toStartWith('2026-03-09');
  expect(candleOpening('1w', parseInstant('1969-12-31T00:00:00Z'))).toStartWith('1969-12-29');
});

describe('a price that people set', () => {
  const table = [
    // price      known              limit  held   others who agree
    ['100', [], 500, false, 2],
    ['100', ['100'], 500, false, 1],
    ['105', ['100'], 500, false, 1],
    ['105.01', ['100'], 500, false, 2],
    ['95', ['100'], 500, false, 1],
    ['94.99', ['100'], 500, false, 2],
    ['105', ['100', '99'], 500, false, 2],
    ['120', ['100'], 10_000, false, 1],
    ['120.01', ['100'], 10_000, false, 2],
    ['100', ['100', '0'], 500, false, 2],
    ['100', ['100'], 500, true, 2],
  ] as const;
  for (const [price, known, limit, held, votes] of table) {
    test(`${price} where ${known.join(' and ') || 'nothing'} is known${held ? ' and held' : ''}, within ${limit} bps: ${votes}`, () => {
      expect(votesForPrice(parseAmount(price), known.map(parseAmount), limit, held)).toBe(votes);
    });
  }

  test('is none where a feed prices the instrument, where it would never be stale, or between two ticks', () => {
    const asked = (
      price: string,
      settings: { feed: string | null; staleAfterSeconds: number | null } | undefined,
    ) => referencePriceRefusal(parseAmount(price), parseAmount('0.05'), settings);
    expect(asked('100.05', { feed: null, staleAfterSeconds: 60 })).toBeNull();
    expect(asked('100.01', { feed: 'coinbase', staleAfterSeconds: null })).toBe('price_from_feed');
    expect(asked('100.01', { feed: null, staleAfterSeconds: null })).toBe('price_age_missing');
    expect(asked('100.05', undefined)).toBe('price_age_missing');
    expect(asked('100.01', { feed: null, staleAfterSeconds: 60 })).toBe('reference_price_off_tick');
  });
});
