/** What the benchmark and the published page say of the quality of screening: the same figures, made once. */
import { buildCandidateIndex, type CandidateIndex } from '../src/domains/aml/candidate-index.ts';
import { screeningConfigDefault as config } from '../src/domains/aml/config.ts';
import type { ListEntity } from '../src/domains/aml/lists/entity.ts';
import { misspeltNames, recombinedNames } from '../src/domains/aml/testing/made-names.ts';
import { measureAlerts, measurePairs, measureRecall } from '../src/domains/aml/testing/measure-screening.ts';
import { keyed, type PublishedLists } from '../src/domains/aml/testing/published-lists.ts';
import { randomFrom } from '../src/testing/random.ts';

export type Quality = { readonly id: string; readonly value: number; readonly says: string };

export type QualitySizes = {
  readonly misspelt: number;
  readonly recombined: number;
  readonly halves: number;
};

export const FULL_SIZES: QualitySizes = { misspelt: 3_000, recombined: 10_000, halves: 50 };
export const QUICK_SIZES: QualitySizes = { misspelt: 1_000, recombined: 2_500, halves: 10 };

const HALF_SEED = 307;

/** Every figure of quality at the default threshold. */
export function qualityOf(lists: PublishedLists, all: CandidateIndex, sizes: QualitySizes): Quality[] {
  const un = buildCandidateIndex(keyed('un', lists.un));
  const pairs = measurePairs(lists.pairs, config);
  const made = recombinedNames(lists.cleanNames, sizes.recombined);
  return [
    { id: 'pairs_f1', value: pairs.f1, says: 'F1 on the labelled pairs' },
    { id: 'pairs_precision', value: pairs.precision, says: 'precision on the labelled pairs' },
    { id: 'pairs_recall', value: pairs.recall, says: 'recall on the labelled pairs' },
    { id: 'pairs_f1_worst_half', value: worstHalf(lists, sizes.halves), says: 'F1, worst random half' },
    {
      id: 'un_recall',
      value: measureRecall(un, lists.unQueries, config).recall,
      says: 'UN queries found in the UN list',
    },
    {
      id: 'un_recall_in_all',
      value: measureRecall(all, lists.unQueries, config).recall,
      says: 'UN queries found among OFAC, UN and UK together',
    },
    {
      id: 'clean_alert_rate',
      value: measureAlerts(all, lists.cleanNames, 'person', config).rate,
      says: 'names of people on no list that are alerted',
    },
    {
      id: 'original_script_recall',
      value: measureRecall(un, lists.unOriginalScript, config).recall,
      says: 'names in their original script found',
    },
    {
      id: 'misspelt_recall_un',
      value: misspelt(all, lists.un, sizes.misspelt),
      says: 'UN names with one random slip found',
    },
    {
      id: 'misspelt_recall_ofac',
      value: misspelt(all, lists.ofac, sizes.misspelt),
      says: 'OFAC names with one random slip found',
    },
    {
      id: 'misspelt_recall_uk',
      value: misspelt(all, lists.uk, sizes.misspelt),
      says: 'UK names with one random slip found',
    },
    {
      id: 'recombined_alert_rate',
      value: measureAlerts(all, made, 'person', config).rate,
      says: 'new names made of the words of people on no list that are alerted',
    },
  ];
}

function misspelt(index: CandidateIndex, entities: readonly ListEntity[], count: number): number {
  return measureRecall(index, misspeltNames(entities, count), config).recall;
}

/** What the threshold is worth on rows it was not looked at with: the least of many random halves. */
function worstHalf({ pairs }: PublishedLists, halves: number): number {
  const random = randomFrom(HALF_SEED);
  let worst = 1;
  for (let at = 0; at < halves; at += 1) {
    const half = pairs.filter(() => random.below(2) === 0);
    worst = Math.min(worst, measurePairs(half, config).f1);
  }
  return worst;
}
