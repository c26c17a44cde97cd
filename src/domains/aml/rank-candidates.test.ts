import { describe, expect, test } from 'bun:test';
import { screeningConfigDefault as config } from './config.ts';
import { type Reach, rankCandidates } from './rank-candidates.ts';

/** Names that have two words each, of which the query has so much. */
function reach(sums: readonly number[], unread = 0): Reach {
  return {
    touched: sums.map((_sum, name) => name),
    sums: Float32Array.from(sums),
    joins: new Float32Array(sums.length),
    weights: new Float32Array(sums.length).fill(2),
    unread,
  };
}

function rank(found: Reach, words = 2) {
  return rankCandidates(found, { weight: 2, words }, config, config.threshold);
}

const many = (count: number, sum: number) => Array.from({ length: count }, () => sum);

describe('the names that are compared', () => {
  test('are all that could be a match, however many there are of one spelling', () => {
    const { kept, isCut } = rank(reach([...many(5_000, 2), ...many(5_000, 1)]));
    expect(kept.filter(({ bound }) => bound === 1)).toHaveLength(5_000);
    expect([kept.length, isCut]).toEqual([5_000, false]);
  });

  test('are as many as usual of those that are no match anyway', () => {
    const { kept, isCut } = rank(reach([2, ...many(500, 1)]));
    expect([kept.length, kept[0]?.name, isCut]).toEqual([config.candidatesMax, 0, false]);
  });

  test('say where there are more than can be compared', () => {
    const { kept, isCut } = rank(reach(many(13_000, 2)));
    expect([kept.length, isCut]).toEqual([12_000, true]);
    expect(rank(reach(many(700, 2)), 40)).toMatchObject({ isCut: true });
  });

  test('are given the words that nobody had the time to read', () => {
    expect(rank(reach([1, 1], 1)).kept.map(({ bound }) => bound)).toEqual([1, 1]);
    // Whoever has but the unread words was not even touched.
    expect(rank(reach([], 0.1)).isCut).toBe(false);
    expect(rankCandidates(reach([]), { weight: 2, words: 2 }, config, -1).isCut).toBe(false);
    expect(rank(reach([], 1.9)).isCut).toBe(true);
  });
});
