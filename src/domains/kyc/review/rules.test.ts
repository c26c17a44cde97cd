import { expect, test } from 'bun:test';
import { requiresSenior } from './rules.ts';

test('each way of being exposed is a reason of its own for a senior person', () => {
  const facts = {
    level: 'basic',
    politicallyExposed: false,
    risk: 'low',
    isLegalPerson: false,
    itemsWaived: 0,
    criticalNotices: 0,
  } as const;
  expect(requiresSenior({ ...facts, exposures: new Set() })).toEqual([]);
  expect(requiresSenior({ ...facts, exposures: new Set(['undecided']) })).toEqual(['exposure_undecided']);
  expect(requiresSenior({ ...facts, exposures: new Set(['undecided', 'confirmed']) })).toEqual([
    'exposure_undecided',
    'exposure_confirmed',
  ]);
});
