import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseInstant } from '../../../kernel/time.ts';
import { Matrix, matrixHash, RELEASED_MATRIX, RISK_FACTORS, type RiskMatrix } from './matrix.ts';
import { addMonths } from './months.ts';
import { occupationClasses } from './occupation-class.ts';
import { type RiskInputs, rate } from './rate.ts';

const PLAIN: RiskInputs = {
  geography: ['MUS'],
  product: ['basic'],
  channel: ['remote'],
  occupation: ['salaried'],
  pep: ['none'],
  adverse: ['none'],
  ownership: ['natural'],
  screening: ['clear'],
  behaviourPoints: 0,
  suspicion: false,
};

const LISTS = [
  'geography',
  'product',
  'channel',
  'occupation',
  'pep',
  'adverse',
  'ownership',
  'screening',
] as const;

function scoreOf(changed: Partial<RiskInputs>, raisedTo: number | null = null) {
  const { score, level } = rate(RELEASED_MATRIX, { ...PLAIN, ...changed }, raisedTo);
  return `${score} ${level}`;
}

describe('the score', () => {
  test.each<[string, Partial<RiskInputs>, string]>([
    ['of a salaried resident', {}, '11 low'],
    ['at a higher level', { product: ['standard'] }, '13 low'],
    ['from a country that no table lists', { geography: ['FRA'] }, '15 low'],
    ['from a country of care', { geography: ['VEN'] }, '27 low'],
    ['takes the worst of several countries', { geography: ['MUS', 'AFG', 'FRA'] }, '31 medium'],
    ['where no country is known', { geography: [] }, '33 medium'],
    ['where a country is none', { geography: ['XQZ'] }, '33 medium'],
    ['where no occupation is said', { occupation: [] }, '23 low'],
    ['of who says they hold an office', { pep: ['declared'] }, '70 high'],
    ['of whom an office was found', { pep: ['declared', 'found'] }, '75 high'],
    ['of adverse press', { adverse: ['found'] }, '65 high'],
    ['of many alerts', { behaviourPoints: 150 }, '21 low'],
    ['of a suspicion', { suspicion: true }, '80 high'],
    ['from where nobody is served', { geography: ['PRK'] }, '95 prohibited'],
    ['of a confirmed match', { screening: ['confirmed'] }, '100 prohibited'],
  ])('%s', (_title, changed, expected) => {
    expect(scoreOf(changed)).toBe(expected);
  });

  test('is held at what people raised it to, and never lowered by that', () => {
    expect(scoreOf({}, 70)).toBe('70 high');
    expect(scoreOf({ pep: ['found'] }, 40)).toBe('75 high');
  });

  test('is the sum of its pieces, rounded half up', () => {
    const { pieces, score } = rate(RELEASED_MATRIX, PLAIN);
    expect(pieces.map(({ factor }) => factor)).toEqual([...RISK_FACTORS]);
    const points = pieces.reduce((sum, piece) => sum + piece.weight * piece.value, 0);
    expect(score).toBe(Math.round(points / 100));
  });

  const codes = fc.array(
    fc.constantFrom(
      'MUS',
      'AFG',
      'FRA',
      'XQZ',
      'none',
      'found',
      'remote',
      'salaried',
      'arms',
      'legal',
      'other',
    ),
    { maxLength: 3 },
  );
  const anyInputs: fc.Arbitrary<RiskInputs> = fc.record({
    ...(Object.fromEntries(LISTS.map((name) => [name, codes])) as Record<
      (typeof LISTS)[number],
      typeof codes
    >),
    behaviourPoints: fc.nat(1_000),
    suspicion: fc.boolean(),
  });

  test('never falls when something worse is learnt, nor when something known is forgotten', () => {
    fc.assert(
      fc.property(anyInputs, fc.constantFrom(...LISTS), codes, fc.nat(500), (inputs, name, more, added) => {
        const before = rate(RELEASED_MATRIX, inputs).score;
        const known = inputs[name];
        if (known.length > 0) {
          const learnt = { ...inputs, [name]: [...known, ...more] };
          expect(rate(RELEASED_MATRIX, learnt).score).toBeGreaterThanOrEqual(before);
        }
        const behaved = { ...inputs, behaviourPoints: inputs.behaviourPoints + added, suspicion: true };
        expect(rate(RELEASED_MATRIX, behaved).score).toBeGreaterThanOrEqual(before);
        const { pieces } = rate(RELEASED_MATRIX, { ...inputs, [name]: [] });
        const piece = pieces.find(({ factor }) => factor === name);
        expect(piece?.value).toBe(RELEASED_MATRIX.factors[name].unknown);
      }),
    );
  });

  test('stays between 0 and 100 whatever is known', () => {
    fc.assert(
      fc.property(anyInputs, (inputs) => {
        const { score } = rate(RELEASED_MATRIX, inputs);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(100);
      }),
    );
  });
});

describe('a matrix', () => {
  const changed = (change: (matrix: RiskMatrix) => void) => {
    const matrix = structuredClone(RELEASED_MATRIX);
    change(matrix);
    return Matrix.safeParse(matrix).success;
  };

  test('that the program comes with is one, and its hash does not depend on the order of members', () => {
    expect(Matrix.safeParse(RELEASED_MATRIX).success).toBe(true);
    const turned = Object.fromEntries(Object.entries(RELEASED_MATRIX).reverse()) as RiskMatrix;
    expect(matrixHash(turned)).toBe(matrixHash(RELEASED_MATRIX));
  });

  test.each<[string, (matrix: RiskMatrix) => void]>([
    ['in which the unknown is better than the worst', (matrix) => (matrix.factors.pep.unknown = 99)],
    ['whose levels do not follow one another', (matrix) => (matrix.bands.high = matrix.bands.medium)],
    ['that reviews a higher level more rarely', (matrix) => (matrix.reviewMonths.high = 60)],
    [
      'that weighs nothing',
      (matrix) => {
        for (const name of RISK_FACTORS) {
          matrix.factors[name].weight = 0;
        }
      },
    ],
    ['with a score above 100', (matrix) => (matrix.factors.pep.values.none = 101)],
    ['with half points', (matrix) => (matrix.factors.pep.values.none = 0.5)],
  ])('%s is refused', (_title, change) => {
    expect(changed(change)).toBe(false);
  });
});

test.each([
  ['Engineer', ['salaried']],
  ['Casino manager', ['gambling', 'salaried']],
  ['Minister of Finance', ['public_office']],
  ['Gold dealer', ['precious_goods']],
  ['Beekeeper', ['other']],
  ['', []],
  ['—', []],
])('the classes of an occupation: %s', (said, classes) => {
  expect(occupationClasses(said)).toEqual(classes);
});

test.each([
  ['2026-11-21', 12, '2027-11-21'],
  ['2024-02-29', 12, '2025-02-28'],
  ['2024-02-29', 48, '2028-02-29'],
  ['2026-01-31', 1, '2026-02-28'],
  ['2026-12-15', 36, '2029-12-15'],
  ['2026-03-31', -12, '2025-03-31'],
])('%s and %i months is %s', (from, months, to) => {
  const at = (day: string) => parseInstant(`${day}T10:00:00.000000Z`);
  expect(addMonths(at(from), months)).toBe(at(to));
});
