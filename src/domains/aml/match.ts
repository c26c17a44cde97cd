/**
 * Screens one subject against an index: recall, score, qualify, order. Pure and deterministic: the same index,
 * subject and configuration always give the same matches in the same order.
 */
import { type Alignment, alignNames } from './align.ts';
import { type CandidateIndex, type IndexedName, recallCandidates } from './candidate-index.ts';
import type { ScreeningConfig } from './config.ts';
import type { EntityKind, NameType } from './lists/entity.ts';
import { type NameRefusalCode, type ParsedName, readingsOf } from './names.ts';
import { explainScore, identifierKey, nameScore, type ScoreFeature, type ScreeningSubject } from './score.ts';

export type ScreeningMatch = {
  readonly key: string;
  readonly sourceId: string;
  readonly matchedName: string;
  readonly matchedNameType: NameType;
  readonly score: number;
  /** Weight of the words in common: orders matches of equal score. */
  readonly evidence: number;
  readonly features: readonly ScoreFeature[];
};

export type ScreeningResult =
  | {
      readonly ok: true;
      readonly matches: readonly ScreeningMatch[];
      /** Names compared in full. */
      readonly candidates: number;
      /** More came into question than could be compared: there may be further matches. */
      readonly truncated: boolean;
    }
  | { readonly ok: false; readonly code: NameRefusalCode };

/**
 * Finds everyone on the lists whom a subject could be, by the sound of the name and, where it mixes scripts, by its
 * looks.
 * @shape one match per entity, best first; a refusal when the name is no name
 */
export function screenName(
  index: CandidateIndex,
  subject: ScreeningSubject,
  config: ScreeningConfig,
): ScreeningResult {
  const [bySound, ...others] = readingsOf(subject.name, subject.kind);
  if (!bySound.ok) {
    return bySound;
  }
  const best = new Map<string, Scored>();
  let candidates = 0;
  let truncated = false;
  const names = [bySound, ...others].flatMap((reading) => (reading.ok ? [reading.name] : []));
  for (const name of names) {
    const { compared, isCut } = compareWithIndex(index, name, subject, config, best);
    candidates += compared;
    truncated ||= isCut;
  }
  const matches = [...best.values()]
    .map((scored) => toMatch(scored, subject, config))
    .filter((match) => match.score >= config.threshold)
    .sort(byScoreThenEvidence);
  return { ok: true, matches, candidates, truncated };
}

/** Scores everybody who comes into question and keeps the best name of each. */
function compareWithIndex(
  index: CandidateIndex,
  name: ParsedName,
  subject: ScreeningSubject,
  config: ScreeningConfig,
  best: Map<string, Scored>,
): { readonly compared: number; readonly isCut: boolean } {
  // A qualifier can lift a name that misses the threshold by no more than all bonuses together.
  const floor = config.threshold - bonusMax(subject, config);
  const consider = (indexed: IndexedName, byIdentifier: boolean): void => {
    const alignment = alignNames(name, indexed.name, config);
    const score = nameScore(alignment, indexed.type, config);
    const previous = best.get(indexed.entry.key);
    if ((byIdentifier || score >= floor) && isBetter({ score, alignment }, previous)) {
      best.set(indexed.entry.key, { indexed, alignment, score });
    }
  };
  const { candidates, isCut } = recallCandidates(index, name, subject.kind, config, floor);
  for (const { indexed } of candidates) {
    consider(indexed, false);
  }
  for (const identifier of subject.identifiers ?? []) {
    for (const indexed of index.byIdentifier.get(identifierKey(identifier)) ?? []) {
      consider(indexed, true);
    }
  }
  return { compared: candidates.length, isCut };
}

/** What is compared: the entries that stop whoever resembles them apart from those that only ask for a look. */
export type ListIndexes = {
  readonly stopping: CandidateIndex;
  readonly reviewing: CandidateIndex;
  /** Entries that were found already and must not be lost among others. */
  readonly found?: CandidateIndex | undefined;
};

/**
 * The same over several indexes: a crowd on a list that only asks for a look never takes the place of somebody on one
 * that stops. What was left out of that crowd leaves the answer whole.
 * @shape as `screenName`
 */
export function screenLists(
  { stopping, reviewing, found }: ListIndexes,
  subject: ScreeningSubject,
  config: ScreeningConfig,
): ScreeningResult {
  const stops = screenName(stopping, subject, config);
  if (!stops.ok) {
    return stops;
  }
  const best = new Map(stops.matches.map((match) => [match.key, match]));
  let { candidates } = stops;
  for (const index of [reviewing, ...(found === undefined ? [] : [found])]) {
    const others = index.nameCount === 0 ? undefined : screenName(index, subject, config);
    if (others?.ok) {
      candidates += others.candidates;
      for (const match of others.matches) {
        best.set(match.key, best.get(match.key) ?? match);
      }
    }
  }
  const matches = [...best.values()].sort(byScoreThenEvidence);
  return { ok: true, matches, candidates, truncated: stops.truncated };
}

/**
 * Compares two names without a list, with the same rules and threshold.
 * @shape score in [0, 1]; 0 when either is no name
 */
export function compareNames(
  left: string,
  right: string,
  kind: EntityKind,
  config: ScreeningConfig,
): { readonly score: number; readonly alignment: Alignment | undefined } {
  const others = readable(right, kind);
  const [best] = readable(left, kind)
    .flatMap((one) => others.map((other) => alignNames(one, other, config)))
    .sort((one, other) => other.score - one.score);
  return { score: best?.score ?? 0, alignment: best };
}

function readable(name: string, kind: EntityKind): readonly ParsedName[] {
  return readingsOf(name, kind).flatMap((reading) => (reading.ok ? [reading.name] : []));
}

type Scored = { readonly indexed: IndexedName; readonly alignment: Alignment; readonly score: number };

/** Of two names of one entity at the same score, the one with more in common explains the match. */
function isBetter(found: Omit<Scored, 'indexed'>, previous: Scored | undefined): boolean {
  return (
    previous === undefined ||
    found.score > previous.score ||
    (found.score === previous.score && evidenceOf(found.alignment) > evidenceOf(previous.alignment))
  );
}

/** Weight of the words in common. */
function evidenceOf({ matched, quality }: Alignment): number {
  return Math.round(matched * quality * 1000) / 1000;
}

function bonusMax(subject: ScreeningSubject, config: ScreeningConfig): number {
  const { qualifiers } = config;
  return (
    (subject.birthDate === undefined ? 0 : Math.max(qualifiers.birthDateEqual, qualifiers.birthYearEqual)) +
    ((subject.countries ?? []).length === 0 ? 0 : qualifiers.countryEqual)
  );
}

function toMatch(scored: Scored, subject: ScreeningSubject, config: ScreeningConfig): ScreeningMatch {
  const { indexed, alignment } = scored;
  const { score, features } = explainScore(alignment, indexed.type, subject, indexed.entry.entity, config);
  return {
    key: indexed.entry.key,
    sourceId: indexed.entry.entity.sourceId,
    matchedName: indexed.name.original,
    matchedNameType: indexed.type,
    score,
    evidence: evidenceOf(alignment),
    features,
  };
}

const typeOrder: Record<NameType, number> = { primary: 0, alias: 1, weak_alias: 2 };

/** Orders matches, the best first: by score, then by the weight of what the names have in common. */
export function byScoreThenEvidence(left: ScreeningMatch, right: ScreeningMatch): number {
  return (
    right.score - left.score ||
    right.evidence - left.evidence ||
    typeOrder[left.matchedNameType] - typeOrder[right.matchedNameType] ||
    (left.key < right.key ? -1 : left.key > right.key ? 1 : 0)
  );
}
