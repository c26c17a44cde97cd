import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { diffOf } from './diff.ts';
import type { ReadEntity } from './read-list.ts';
import { type Amounts, effectOf, type ImportPlan, planImport, purposeOf } from './rules.ts';

const entity = (sourceId: string, hash: string): ReadEntity => ({
  sourceId,
  hash,
  kind: 'person',
  screeningHash: hash,
  record: '{}',
  names: 1,
  identifiers: 0,
  unreadable: 0,
});

describe('the plan of an import', () => {
  test.each<[string, number, number, number, number, ImportPlan]>([
    ['the first version', 0, 10, 0, 0, { kind: 'activate' }],
    ['one that only adds', 10, 11, 0, 0, { kind: 'activate' }],
    ['one that takes something off', 10, 9, 1, 1, { kind: 'hold' }],
    ['the same from the publisher', 10, 9, 1, 0, { kind: 'activate' }],
    ['one that takes a name of an entry', 10, 10, 0, 1, { kind: 'hold' }],
    ['a fifth less', 10, 8, 2, 0, { kind: 'activate' }],
    ['more than a fifth less', 10_000, 7_999, 2_001, 0, { kind: 'refuse', refusal: 'list_shrunk' }],
    ['as many others', 10, 10, 10, 10, { kind: 'refuse', refusal: 'list_shrunk' }],
    ['fewer than there must be', 0, 1, 0, 0, { kind: 'refuse', refusal: 'list_too_small' }],
  ])('%s', (_title, before, count, removed, held, expected) => {
    expect(planImport({ maxShrinkBps: 2_000, minEntities: 2 }, before, count, removed, held)).toEqual(
      expected,
    );
  });
});

describe('a file that keeps every entry', () => {
  const plan = (...contents: readonly Amounts[]) =>
    planImport({ maxShrinkBps: 2_000, minEntities: 2 }, 10, 10, 0, 0, contents).kind;

  test.each<[string, readonly Amounts[], ImportPlan['kind']]>([
    ['and as many names', [{ before: 30, now: 30 }], 'activate'],
    ['and lost a fifth of its names', [{ before: 30, now: 24 }], 'activate'],
    ['and lost more than a fifth of its names', [{ before: 30, now: 23 }], 'refuse'],
    [
      'and its names, but no number',
      [
        { before: 30, now: 30 },
        { before: 5, now: 0 },
      ],
      'refuse',
    ],
    ['and had no numbers before', [{ before: 0, now: 0 }], 'activate'],
    ['and has more of them', [{ before: 1, now: 90 }], 'activate'],
  ])('%s', (_title, contents, kind) => {
    expect(plan(...contents)).toBe(kind);
  });
});

describe('the difference of two versions', () => {
  const versions = fc.dictionary(fc.string({ maxLength: 3 }), fc.constantFrom('a', 'b'));

  test('adds up to the new version, and is the same whatever the order of the file', () => {
    fc.assert(
      fc.property(versions, versions, (one, other) => {
        const before = new Map(Object.entries(one));
        const now = Object.entries(other).map(([id, hash]) => entity(id, hash));
        const diff = diffOf(before, now);
        expect(before.size + diff.added - diff.removed.length).toBe(now.length);
        expect(diff.changed.length).toBe(
          now.filter(({ sourceId, hash }) => (before.get(sourceId) ?? hash) !== hash).length,
        );
        expect(diffOf(before, now.toReversed())).toEqual(diff);
      }),
    );
  });

  test('has another hash where anything differs', () => {
    const before = new Map([['x', 'a']]);
    const hashes = [
      diffOf(before, [entity('x', 'a')]),
      diffOf(before, [entity('x', 'b')]),
      diffOf(before, []),
      diffOf(before, [entity('x', 'a'), entity('y', 'a')]),
      diffOf(new Map(), [entity('x', 'a')]),
    ].map(({ hash }) => Buffer.from(hash).toString('hex'));
    expect(new Set(hashes).size).toBe(5);
  });
});

test('a hit stops where the list stops and the entry is not there for an office or a report', () => {
  const stops = { effect: 'stop', purpose: 'sanctions' } as const;
  const asks = { effect: 'review', purpose: 'pep' } as const;
  expect(effectOf(stops, {})).toBe('stop');
  expect(effectOf(stops, { purpose: 'internal' })).toBe('stop');
  expect(effectOf(stops, { purpose: 'pep' })).toBe('review');
  expect(effectOf(asks, { purpose: 'sanctions' })).toBe('review');
  expect(purposeOf(stops, {})).toBe('sanctions');
  expect(purposeOf(stops, { purpose: 'adverse_media' })).toBe('adverse_media');
});
