import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Amount, amountOf } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { type OpenObligation, planObligations, type TradedSide } from './plan-obligations.ts';

/**
 * The plan against a model that knows every unit by itself: each bears the day it settles on, none if it is settled,
 * and a trade takes those that settle first, settled ones last.
 */
const DAYS = ['2026-03-02', '2026-03-03', '2026-03-04', '2026-03-05', '2026-03-06'] as const;
const WALLETS = ['w0', 'w1', 'w2', 'w3'] as const;

const batch = fc.record({
  day: fc.nat(1),
  sides: fc.array(
    fc.record({
      from: fc.nat(WALLETS.length - 1),
      to: fc.nat(WALLETS.length - 1),
      pays: fc.integer({ min: 1, max: 6 }),
      brings: fc.integer({ min: 0, max: 6 }),
      cycle: fc.nat(2),
    }),
    { minLength: 1, maxLength: 6 },
  ),
});

const units = (count: number): Amount => amountOf(BigInt(count));

test('random batches of trades over days use and bring what a model of single units says', () => {
  fc.assert(
    fc.property(fc.array(batch, { minLength: 1, maxLength: 12 }), (batches) => {
      const purses = new Map(WALLETS.map((wallet) => [wallet as string, Array<string>(10).fill('')]));
      let open: (OpenObligation & { left: Amount })[] = [];
      let day = 0;
      let fill = 0;
      for (const { day: later, sides } of batches) {
        day = Math.min(day + later, 2);
        const today = DAYS[day] ?? '';
        for (const [wallet, coins] of purses) {
          purses.set(
            wallet,
            coins.map((settlesOn) => (settlesOn <= today ? '' : settlesOn)),
          );
        }
        open = open.filter(({ settlesOn }) => settlesOn > today);
        const traded: TradedSide[] = [];
        for (const { from, to, pays, brings, cycle } of sides) {
          const purse = purses.get(WALLETS[from] ?? '') ?? [];
          if (purse.length < pays) {
            continue;
          }
          fill += 1;
          const cycleDate = cycle === 0 ? null : (DAYS[day + cycle] ?? '');
          const fillId = String(fill).padStart(6, '0') as Id;
          traded.push(sideOf(fillId, { from, to, pays, brings, today, cycleDate }));
          purse.sort((left, right) => ((left || '9') < (right || '9') ? -1 : 1));
          const latest = purse.splice(0, pays).reduce((last, each) => (each > last ? each : last), '');
          const settlesOn = latest > (cycleDate ?? '') ? latest : (cycleDate ?? '');
          purses.get(WALLETS[to] ?? '')?.push(...Array<string>(brings).fill(settlesOn));
        }
        const plan = planObligations(open, traded, today);
        open = [
          ...open.map((each) => ({
            ...each,
            left: amountOf(each.left - (plan.used.get(each.fillId) ?? 0n)),
          })),
          ...plan.made.map(({ fillId, walletId, settlesOn, amount, used }) => ({
            fillId,
            walletId,
            settlesOn,
            left: amountOf(amount - used),
          })),
        ].filter(({ left }) => left > 0n);
        for (const [wallet, coins] of purses) {
          expect(byDay(open.filter(({ walletId }) => walletId === wallet))).toEqual(
            byDay(coins.filter((each) => each !== '').map((settlesOn) => ({ settlesOn, left: units(1) }))),
          );
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('what is due by today is settled, and what brings nothing is no obligation', () => {
  const today = DAYS[0];
  const side = (cycleDate: string | null, brings: number) =>
    sideOf('000001' as Id, { from: 0, to: 1, pays: 1, brings, today, cycleDate });
  expect(planObligations([], [side(today, 3)], today).made).toEqual([]);
  expect(planObligations([], [side(null, 3)], today).settlesOn.size).toBe(0);
  expect(planObligations([], [side(DAYS[1], 0)], today).made).toEqual([]);
});

test('what settled funds do not cover is paid with deposits, and settles when they do', () => {
  const [today, , later] = DAYS;
  const side = (fillId: string, pays: number, to = 1) =>
    sideOf(fillId as Id, { from: 0, to, pays, brings: 1, today, cycleDate: null });
  const funds = new Map([['w0' as Id, { settled: 5n, depositsSettleOn: later }]]);
  const sides = [
    side('000001', 3),
    side('000002', 2),
    side('000003', 1),
    side('000004', 1, 0),
    side('000005', 1),
  ];
  expect([...planObligations([], sides, today, funds).settlesOn]).toEqual([
    ['000003', later],
    ['000004', later],
    // What the one before brought is unsettled, and goes first.
    ['000005', later],
  ]);
  const settledSooner = new Map([['w0' as Id, { settled: 0n, depositsSettleOn: null }]]);
  expect(planObligations([], sides, today, settledSooner).settlesOn.size).toBe(0);
});

type Words = {
  readonly from: number;
  readonly to: number;
  readonly pays: number;
  readonly brings: number;
  readonly today: string;
  readonly cycleDate: string | null;
};

function sideOf(fillId: Id, { from, to, pays, brings, today, cycleDate }: Words): TradedSide {
  return {
    fillId,
    tradeId: fillId,
    userId: fillId,
    accountId: fillId,
    book: 'live',
    asset: 'USD',
    paysFrom: WALLETS[from] as string as Id,
    pays: units(pays),
    receivesIn: WALLETS[to] as string as Id,
    receives: units(brings),
    tradeDate: today,
    cycleDate,
  };
}

function byDay(parcels: readonly { readonly settlesOn: string; readonly left: bigint }[]) {
  const days = new Map<string, bigint>();
  for (const { settlesOn, left } of parcels) {
    days.set(settlesOn, (days.get(settlesOn) ?? 0n) + left);
  }
  return [...days].sort(([left], [right]) => (left < right ? -1 : 1));
}
