/** Measures screening against the published lists: the one definition that the test and the benchmark share. */
import { buildCandidateIndex, type CandidateIndex } from '../candidate-index.ts';
import type { ScreeningConfig } from '../config.ts';
import type { EntityKind } from '../lists/entity.ts';
import { compareNames, type ScreeningMatch, screenName } from '../match.ts';
import { type ExpectedName, keyed, type LabelledPair, type PublishedLists } from './published-lists.ts';

export type PairsMeasure = {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly wrong: readonly (LabelledPair & { readonly score: number })[];
};

export type RecallMeasure = {
  readonly recall: number;
  readonly missed: readonly ExpectedName[];
  readonly false: readonly string[];
};

export type AlertMeasure = {
  readonly rate: number;
  readonly alerts: readonly { readonly name: string; readonly match: ScreeningMatch }[];
};

/** One index over all three lists, as a firm would screen. */
export function indexAll(lists: PublishedLists): CandidateIndex {
  return buildCandidateIndex([
    ...keyed('ofac', lists.ofac),
    ...keyed('un', lists.un),
    ...keyed('uk', lists.uk),
  ]);
}

/** Precision, recall and F1 of the threshold on labelled pairs. */
export function measurePairs(pairs: readonly LabelledPair[], config: ScreeningConfig): PairsMeasure {
  let truePositive = 0;
  let falsePositive = 0;
  let falseNegative = 0;
  const wrong: (LabelledPair & { score: number })[] = [];
  for (const pair of pairs) {
    const { score } = compareNames(pair.left, pair.right, pair.kind, config);
    const said = score >= config.threshold;
    const is = pair.label === 'match';
    truePositive += said && is ? 1 : 0;
    falsePositive += said && !is ? 1 : 0;
    falseNegative += !said && is ? 1 : 0;
    if (said !== is) {
      wrong.push({ ...pair, score });
    }
  }
  const precision = truePositive / Math.max(1, truePositive + falsePositive);
  const recall = truePositive / Math.max(1, truePositive + falseNegative);
  return { precision, recall, f1: (2 * precision * recall) / Math.max(1e-9, precision + recall), wrong };
}

/** Share of names whose listed entity is among the matches; names of delisted persons must find nobody. */
export function measureRecall(
  index: CandidateIndex,
  names: readonly ExpectedName[],
  config: ScreeningConfig,
): RecallMeasure {
  const missed: ExpectedName[] = [];
  const wrong: string[] = [];
  let expected = 0;
  for (const query of names) {
    const result = screenName(index, { name: query.name, kind: query.kind }, config);
    const matches = result.ok ? result.matches : [];
    if (query.reference === '') {
      wrong.push(...(matches.length === 0 ? [] : [`${query.name} -> ${matches[0]?.matchedName}`]));
      continue;
    }
    expected += 1;
    if (!matches.some((match) => match.sourceId === query.reference)) {
      missed.push(query);
    }
  }
  return { recall: (expected - missed.length) / Math.max(1, expected), missed, false: wrong };
}

/** Share of names of people on no list that raise an alert. */
export function measureAlerts(
  index: CandidateIndex,
  names: readonly string[],
  kind: EntityKind,
  config: ScreeningConfig,
): AlertMeasure {
  const alerts: { name: string; match: ScreeningMatch }[] = [];
  for (const name of names) {
    const result = screenName(index, { name, kind }, config);
    const match = result.ok ? result.matches[0] : undefined;
    if (match !== undefined) {
      alerts.push({ name, match });
    }
  }
  return { rate: alerts.length / Math.max(1, names.length), alerts };
}
