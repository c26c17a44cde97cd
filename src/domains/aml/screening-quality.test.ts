import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { buildCandidateIndex } from './candidate-index.ts';
import { screeningConfigDefault as config } from './config.ts';
import { screenName } from './match.ts';
import { misspeltNames, recombinedNames } from './testing/made-names.ts';
import { indexAll, measureAlerts, measurePairs, measureRecall } from './testing/measure-screening.ts';
import { keyed, loadPublishedLists, publishedListsDirectory } from './testing/published-lists.ts';

setDefaultTimeout(60_000);

const directory = publishedListsDirectory(process.env.PLIMSOLL_SHARED_DIR);
const lists = loadPublishedLists(directory);

if (lists === undefined) {
  console.warn(`skipped: screening quality (no published lists in ${directory})`);
}

describe.skipIf(lists === undefined)('screening quality on published lists at the default threshold', () => {
  if (lists === undefined) {
    return;
  }
  const all = indexAll(lists);
  const un = buildCandidateIndex(keyed('un', lists.un));

  test('reads every record and every name of the published lists', () => {
    expect(lists.ofac.length).toBe(8976 + 442);
    expect(lists.un.filter((entity) => entity.kind === 'person').length).toBe(730);
    expect(lists.un.filter((entity) => entity.kind === 'organisation').length).toBe(273);
    expect(all.unreadable).toEqual([]);
  });

  test('finds every listed entity under its own names as written', () => {
    const missed: string[] = [];
    all.names.forEach((indexed, at) => {
      const { entity } = indexed.entry;
      // Every eleventh name keeps the test short; weak aliases are deliberately worth less than a match.
      if (at % 11 === 0 && indexed.type !== 'weak_alias') {
        const result = screenName(all, { name: indexed.name.original, kind: entity.kind }, config);
        if (!result.ok || !result.matches.some((match) => match.key === indexed.entry.key)) {
          missed.push(indexed.name.original);
        }
      }
    });
    expect(missed).toEqual([]);
  });

  test('judges labelled pairs with F1 of at least 0.80', () => {
    expect(lists.pairs.length).toBe(307);
    expect(measurePairs(lists.pairs, config).f1).toBeGreaterThanOrEqual(0.8);
  });

  test('finds at least 99 % of the UN names, misspelt ones included, and no delisted person', () => {
    const measured = measureRecall(un, lists.unQueries, config);
    expect(measured.missed.length / lists.unQueries.length).toBeLessThanOrEqual(0.01);
    expect(measured.false).toEqual([]);
  });

  test('finds the same share of them among OFAC, UN and UK together', () => {
    expect(measureRecall(all, lists.unQueries, config).recall).toBeGreaterThanOrEqual(0.99);
  });

  test('finds at least 85 % of the names in their original script', () => {
    expect(measureRecall(un, lists.unOriginalScript, config).recall).toBeGreaterThanOrEqual(0.85);
  });

  test('finds three quarters of them even where the list has no original script', () => {
    const latin = lists.un.map((entity) => ({
      ...entity,
      names: entity.names.filter((name) => name.script === undefined),
    }));
    const index = buildCandidateIndex(keyed('un', latin));
    expect(measureRecall(index, lists.unOriginalScript, config).recall).toBeGreaterThanOrEqual(0.75);
  });

  test('alerts on at most 0.1 % of the names of people on no list, by name only', () => {
    expect(lists.cleanNames.length).toBe(5000);
    expect(measureAlerts(all, lists.cleanNames, 'person', config).rate).toBeLessThanOrEqual(0.001);
    expect(measureAlerts(all, lists.cleanNames, 'unknown', config).rate).toBeLessThanOrEqual(0.001);
  });

  test('finds names that were misspelt by chance, which nobody tuned for, on each list', () => {
    for (const entities of [lists.un, lists.ofac, lists.uk]) {
      const { recall } = measureRecall(all, misspeltNames(entities, 500), config);
      expect(recall).toBeGreaterThanOrEqual(0.96);
    }
  });

  test('alerts on few of the names that the words of people on no list make', () => {
    const { rate } = measureAlerts(all, recombinedNames(lists.cleanNames, 2_000), 'person', config);
    expect(rate).toBeLessThanOrEqual(0.003);
  });
});
