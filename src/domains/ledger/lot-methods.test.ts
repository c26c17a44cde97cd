import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Amount, amountOf } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { SlowLots } from '../../testing/slow-lots.ts';
import { addByAge, type OpenLot, picksOf, takeUnits } from './lot-methods.ts';

const METHODS = ['fifo', 'lifo', 'hifo', 'average'] as const;

type Step =
  | { readonly come: bigint; readonly cost: bigint | null }
  | { readonly go: bigint; readonly named: readonly (readonly [number, bigint])[] }
  | { readonly method: (typeof METHODS)[number] };

const quantity = fc.bigInt(1n, 1_000_000n);
const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ come: quantity, cost: fc.option(fc.bigInt(0n, 7_777_777n), { freq: 6 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        go: quantity,
        named: fc.array(fc.tuple(fc.nat(8), quantity), { maxLength: 2 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ method: fc.constantFrom(...METHODS) }) },
  ),
  { minLength: 1, maxLength: 40 },
) as fc.Arbitrary<Step[]>;

/** Runs steps on the lots and on the model beside them, and holds the two against each other after each. */
function run(all: readonly Step[]): void {
  const open: OpenLot[] = [];
  const model = new SlowLots();
  let [came, gone] = [0n, 0n];
  for (const [index, step] of all.entries()) {
    if ('method' in step) {
      model.method = step.method;
    } else if ('come' in step) {
      const id = `lot ${index}`;
      addByAge(open, lot(id, index, step.come, step.cost));
      model.add(step.come, step.cost, id);
      came += step.cost ?? 0n;
    } else {
      const leaving = step.go < model.quantity ? step.go : model.quantity;
      const picks = step.named.flatMap(([place, most]) => {
        const named = model.lots[place];
        return named === undefined ? [] : [{ lotId: named.id as Id, quantity: amountOf(most) }];
      });
      const unique = picks.filter(
        ({ lotId }, at) => picks.findIndex((other) => other.lotId === lotId) === at,
      );
      if (leaving > 0n) {
        const taken = takeUnits(open, model.method, {
          quantity: amountOf(leaving),
          currency: 'USD',
          picks: unique,
        });
        expect(taken.map((part) => [part.lot.id, part.quantity, part.cost])).toEqual(
          model.take(leaving, unique).map((part) => [part.id, part.quantity, part.cost]) as never,
        );
        gone += taken.reduce((sum, part) => sum + (part.cost ?? 0n), 0n);
      }
    }
    expect(open.map(({ id, quantityOpen, costOpen }) => [id, quantityOpen, costOpen])).toEqual(
      model.lots.map((one) => [one.id, one.quantity, one.cost]) as never,
    );
    // Conserved: what came is what is open and what went.
    expect(open.reduce((sum, { costOpen }) => sum + (costOpen ?? 0n), 0n) + gone).toBe(came);
    expect(open.every(({ quantityOpen, costOpen }) => quantityOpen > 0n || (costOpen ?? 0n) === 0n)).toBe(
      true,
    );
  }
}

function lot(id: string, age: number, units: bigint, cost: bigint | null, costCurrency = 'USD'): OpenLot {
  return {
    id: id as Id,
    acquiredAt: `2026-01-01T00:00:00.${String(age).padStart(6, '0')}Z` as Instant,
    costCurrency: cost === null ? null : costCurrency,
    quantityOpen: units as Amount,
    costOpen: cost as Amount | null,
  };
}

describe('units that leave', () => {
  test('are those of the slow model, at its cost, under every method and through every change of it', () => {
    fc.assert(fc.property(steps, run), { numRuns: 400 });
  });

  test.each([
    // three lots of ten: at 10, 30 and 20
    [
      'fifo',
      [
        [0, 10n, 10n],
        [1, 5n, 15n],
      ],
    ],
    [
      'lifo',
      [
        [2, 10n, 20n],
        [1, 5n, 15n],
      ],
    ],
    [
      'hifo',
      [
        [1, 10n, 30n],
        [2, 5n, 10n],
      ],
    ],
    [
      'average',
      [
        [0, 10n, 20n],
        [1, 5n, 10n],
      ],
    ],
  ] as const)('of three lots go by %s', (method, expected) => {
    const open = [lot('0', 0, 10n, 10n), lot('1', 1, 10n, 30n), lot('2', 2, 10n, 20n)];
    const taken = takeUnits(open, method, { quantity: amountOf(15n), currency: 'USD' });
    expect(taken.map((part) => [Number(part.lot.id), part.quantity, part.cost])).toEqual(expected as never);
    expect(taken.every((part) => part.method === method)).toBe(true);
  });

  test('keep the average they were given when another method is chosen', () => {
    const open = [lot('0', 0, 10n, 10n), lot('1', 1, 10n, 30n)];
    takeUnits(open, 'average', { quantity: amountOf(4n), currency: 'USD' });
    addByAge(open, lot('2', 2, 10n, 90n));
    const taken = takeUnits(open, 'fifo', { quantity: amountOf(26n), currency: 'USD' });
    expect(taken.map(({ quantity, cost }) => [quantity, cost])).toEqual([
      [6n, 12n],
      [10n, 20n],
      [10n, 90n],
    ] as never);
  });

  test('are compared by cost in one currency only; the others go after, oldest first', () => {
    const open = [
      lot('unknown', 0, 10n, null),
      lot('euro', 1, 10n, 1_000n, 'EUR'),
      lot('cheap', 2, 10n, 10n),
      lot('dear', 3, 10n, 20n),
    ];
    const taken = takeUnits(open, 'hifo', { quantity: amountOf(40n), currency: 'USD' });
    expect(taken.map((part) => part.lot.id as string)).toEqual(['dear', 'cheap', 'unknown', 'euro']);
  });

  test('go by the method of the account where a named lot holds no longer what was named', () => {
    const open = [lot('0', 0, 10n, 10n), lot('1', 1, 3n, 30n), lot('2', 2, 10n, 20n)];
    const picks = [
      { lotId: '1' as Id, quantity: amountOf(8n) },
      { lotId: 'gone' as Id, quantity: amountOf(2n) },
    ];
    const taken = takeUnits(open, 'lifo', { quantity: amountOf(10n), currency: 'USD', picks });
    expect(taken.map((part) => [part.lot.id as string, part.quantity, part.method])).toEqual([
      ['1', 3n, 'specific'],
      ['2', 7n, 'lifo'],
    ] as never);
  });
});

test('a fill takes of the named lots what follows what the order sold before', () => {
  const named = (...all: (readonly [string, bigint])[]) =>
    all.map(([lotId, units]) => ({ lotId: lotId as Id, quantity: amountOf(units) }));
  const picks = named(['a', 5n], ['b', 3n], ['c', 4n]);
  expect(picksOf(picks, 0n, 12n)).toEqual(picks);
  expect(picksOf(picks, 4n, 5n)).toEqual(named(['a', 1n], ['b', 3n], ['c', 1n]));
  expect(picksOf(picks, 8n, 2n)).toEqual(named(['c', 2n]));
});
