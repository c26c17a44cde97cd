/**
 * Which of the names that share words with a query are compared in full. Whoever could be a match is, however many
 * there are of one spelling; only where that is more than one comparison can bear is something left out, and said so.
 */
import type { ScreeningConfig } from './config.ts';

/** What the words of a query have in common with the names of the lists, by the place of the name. */
export type Reach = {
  readonly touched: readonly number[];
  /** Weight of the words found in a name, and of those found where spaces are taken out. */
  readonly sums: Float32Array;
  readonly joins: Float32Array;
  /** Evidence that a listed name could give. */
  readonly weights: Float32Array;
  /** Weight of the words of the query whose names were not all read, because they are too many. */
  readonly unread: number;
};

/** A name by its place, and the score it could reach if every word found were spelt right. */
type Bound = { readonly name: number; readonly bound: number };

type Ranked = {
  /** The best bound first. */
  readonly kept: readonly Bound[];
  /** There are names that could be a match and are not among them. */
  readonly isCut: boolean;
};

/** How many names are compared for a query of one word: comparing costs words times words. */
const COMPARED_MAX = 24_000;
const COMPARED_MIN = 64;

/**
 * The names to compare with a query of some words.
 * @units least: what a name must reach to be a match by whatever else is known of it
 */
export function rankCandidates(
  reach: Reach,
  query: { readonly weight: number; readonly words: number },
  config: ScreeningConfig,
  least: number,
): Ranked {
  const floor = Math.min(config.threshold * 0.6, least);
  const found: Bound[] = [];
  let possible = 0;
  for (const name of reach.touched) {
    const bound = boundOf(reach, name, query.weight, config);
    if (bound >= floor) {
      found.push({ name, bound });
      possible += bound >= least ? 1 : 0;
    }
  }
  const most = Math.max(COMPARED_MIN, Math.floor(COMPARED_MAX / query.words));
  // Comparing costs words times words, so many words buy few candidates of those that are no match anyway.
  const usual = Math.min(config.candidatesMax, Math.max(8, Math.floor(400 / query.words)));
  const count = Math.max(usual, Math.min(possible, most));
  const kept = bestOf(found, count)
    .sort((left, right) => right.bound - left.bound || left.name - right.name)
    .slice(0, count);
  return { kept, isCut: possible > count || isUnreadEnough(reach.unread, query.weight, config, least) };
}

function boundOf(reach: Reach, name: number, queryWeight: number, config: ScreeningConfig): number {
  const weight = reach.weights[name] as number;
  const most = Math.min(queryWeight, weight);
  const spelt = Math.min(most, (reach.sums[name] as number) + reach.unread);
  // Words run together count less, so that they never push out a name that has the very words.
  const matched = spelt + 0.9 * Math.min(reach.joins[name] as number, most - spelt);
  const { penalties } = config;
  const queryLeft = Math.max(0, queryWeight - matched);
  const listLeft = Math.max(0, weight - matched);
  const conflict = Math.min(queryLeft, listLeft);
  const lost =
    penalties.conflict * 0.5 * conflict +
    penalties.extraInQuery * (queryLeft - conflict) +
    penalties.extraInList * (listLeft - conflict);
  return matched / (matched + lost);
}

/** Whether a name could be a match that has nothing in common with the query but words that were not all read. */
function isUnreadEnough(
  unread: number,
  queryWeight: number,
  { penalties }: ScreeningConfig,
  least: number,
): boolean {
  return unread > 0 && unread / (unread + penalties.extraInQuery * (queryWeight - unread)) >= least;
}

/** All that can be among the best: sorting numbers costs a tenth of sorting what they belong to. */
function bestOf(found: readonly Bound[], kept: number): Bound[] {
  if (found.length <= kept * 2) {
    return [...found];
  }
  const bounds = Float64Array.from(found, ({ bound }) => bound).sort();
  const least = bounds[bounds.length - kept] ?? 0;
  return found.filter(({ bound }) => bound >= least);
}
