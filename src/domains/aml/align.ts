/**
 * Puts the words of two names opposite each other. What is left over on both sides is a conflict; what is
 * left over on one side only is an extra. Words that lost or gained a space are compared run together.
 */
import type { ScreeningConfig } from './config.ts';
import type { EntityKind } from './lists/entity.ts';
import { foldSound, letterMask, maskDifference, soundDistance } from './name-sound.ts';
import type { NameToken, ParsedName } from './names.ts';
import { compareSounds, compareTokens, neighboursSwapped, type TokenRelation } from './token-similarity.ts';

export type AlignedPair = {
  readonly query: string;
  readonly list: string;
  readonly similarity: number;
  readonly weight: number;
  readonly relation: TokenRelation;
};

export type Alignment = {
  readonly pairs: readonly AlignedPair[];
  readonly matched: number;
  readonly quality: number;
  readonly conflict: number;
  readonly extraInQuery: number;
  readonly extraInList: number;
  readonly shortage: number;
  readonly reversedFather: boolean;
  readonly brokenRun: boolean;
  /** The names are equal or nearly so when all spaces are taken out. */
  readonly runTogether: number;
  readonly score: number;
};

type Edge = {
  readonly query: number;
  readonly list: number;
  readonly similarity: number;
  readonly relation: TokenRelation;
};

/**
 * Aligns a query with one name of a list and scores the result by name alone.
 * @shape score in [0, 1]
 */
export function alignNames(query: ParsedName, list: ParsedName, config: ScreeningConfig): Alignment {
  const queryTo = new Int8Array(query.strong.length).fill(-1);
  const listTo = new Int8Array(list.strong.length).fill(-1);
  const pairs: AlignedPair[] = [];
  for (const edge of edgesBetween(query.strong, list.strong)) {
    if (queryTo[edge.query] === -1 && listTo[edge.list] === -1) {
      queryTo[edge.query] = edge.list;
      listTo[edge.list] = edge.query;
      pairs.push(pairOf(query.strong[edge.query], list.strong[edge.list], edge.similarity, edge.relation));
    }
  }
  joinLeftovers(query.strong, list.strong, queryTo, listTo, pairs);
  const leftovers: Leftovers = {
    query: leftover(query, queryTo, 1),
    list: leftover(list, listTo, config.penalties.leading),
    reversedFather: fathersReversed(query, list, queryTo),
    brokenRun:
      (isSyllabic(query) || isSyllabic(list)) &&
      (runBroken(query, queryTo, list.strong.length) || runBroken(list, listTo, query.strong.length)),
  };
  return judge(query, list, pairs, leftovers, config);
}

type Leftovers = {
  readonly query: number;
  readonly list: number;
  readonly reversedFather: boolean;
  readonly brokenRun: boolean;
};

function edgesBetween(query: readonly NameToken[], list: readonly NameToken[]): Edge[] {
  const edges: Edge[] = [];
  for (let left = 0; left < query.length; left += 1) {
    for (let right = 0; right < list.length; right += 1) {
      const match = compareTokens(query[left] as NameToken, list[right] as NameToken);
      if (match.similarity > 0) {
        edges.push({ query: left, list: right, similarity: match.similarity, relation: match.relation });
      }
    }
  }
  return edges.sort(
    (left, right) =>
      right.similarity - left.similarity ||
      Math.abs(left.query - left.list) - Math.abs(right.query - right.list) ||
      left.query - right.query,
  );
}

function pairOf(
  query: NameToken | undefined,
  list: NameToken | undefined,
  similarity: number,
  relation: TokenRelation,
): AlignedPair {
  const weights = [query?.weight ?? 0, list?.weight ?? 0] as const;
  const weight = relation === 'initial' ? Math.min(...weights) : (weights[0] + weights[1]) / 2;
  return { query: query?.text ?? '', list: list?.text ?? '', similarity, weight, relation };
}

/** From this similarity on words that lost or gained a space are the same. */
export const JOINED_MIN = 0.85;

const joinWordsMax = 3;

type Span = {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly weight: number;
  /** Contains romanised syllables, which resemble too many others. */
  readonly exact: boolean;
};

function spansAlike(left: Span, right: Span): number {
  const [one, other] = [soundOf(left), soundOf(right)];
  return compareSounds(one.sound, other.sound, one.mask, other.mask).similarity;
}

type Sound = { readonly sound: string; readonly mask: number };

const soundsMax = 20_000;
const sounds = new Map<string, Sound>();

/** Folding costs more than comparing, and the same words of a list are run together again and again. */
function soundOf({ text }: Span): Sound {
  const known = sounds.get(text);
  if (known !== undefined) {
    return known;
  }
  if (sounds.size >= soundsMax) {
    sounds.clear();
  }
  const folded = foldSound(text);
  const sound = { sound: folded, mask: letterMask(folded) };
  sounds.set(text, sound);
  return sound;
}

/** Runs of neighbouring leftovers, compared without their spaces. */
function joinLeftovers(
  query: readonly NameToken[],
  list: readonly NameToken[],
  queryTo: Int8Array,
  listTo: Int8Array,
  pairs: AlignedPair[],
): void {
  const querySpans = spansOf(query, queryTo);
  const listSpans = querySpans.length === 0 ? [] : spansOf(list, listTo);
  for (const left of querySpans) {
    for (const right of listSpans) {
      const words = left.end - left.start + right.end - right.start;
      if (words < 3 || taken(queryTo, left) || taken(listTo, right)) {
        continue;
      }
      const same = left.text === right.text ? 1 : left.exact || right.exact ? 0 : spansAlike(left, right);
      if (same >= JOINED_MIN) {
        queryTo.fill(right.start, left.start, left.end);
        listTo.fill(left.start, right.start, right.end);
        pairs.push({
          query: left.text,
          list: right.text,
          similarity: Math.min(same, 0.98),
          weight: (left.weight + right.weight) / 2,
          relation: 'joined',
        });
      }
    }
  }
}

function spansOf(tokens: readonly NameToken[], to: Int8Array): Span[] {
  const spans: Span[] = [];
  for (let start = 0; start < tokens.length; start += 1) {
    let text = '';
    let weight = 0;
    let exact = false;
    for (let end = start; end < Math.min(tokens.length, start + joinWordsMax) && to[end] === -1; end += 1) {
      const token = tokens[end] as NameToken;
      text += token.text;
      weight += token.weight;
      exact ||= token.syllable;
      if (text.length >= 4) {
        spans.push({ start, end: end + 1, text, weight, exact });
      }
    }
  }
  // Long runs first: a part of a run must not use up a word that the whole run needs.
  return spans.sort((left, right) => right.end - right.start - (left.end - left.start));
}

function taken(to: Int8Array, span: Span): boolean {
  for (let index = span.start; index < span.end; index += 1) {
    if (to[index] !== -1) {
      return true;
    }
  }
  return false;
}

function leftover(name: ParsedName, to: Int8Array, leadingFactor: number): number {
  let sum = 0;
  for (let index = 0; index < name.strong.length; index += 1) {
    if (to[index] === -1) {
      const factor = name.leading.includes(index) ? leadingFactor : 1;
      sum += (name.strong[index] as NameToken).weight * factor;
    }
  }
  return sum;
}

/** The syllables of a Chinese or Korean given name keep their order and their neighbours. */
function runBroken(name: ParsedName, to: Int8Array, otherLength: number): boolean {
  const unbroken = name.runs.every((run) => run === name.runs[0]);
  for (let index = 1; index < name.strong.length; index += 1) {
    const here = to[index] as number;
    const before = to[index - 1] as number;
    if (name.runs[index] !== name.runs[index - 1] || here === -1 || before === -1 || here === before) {
      continue;
    }
    // A name written in one run hides where the family name ends, so it may start anywhere.
    const follows = here === before + 1 || (unbroken && here === (before + 1) % otherLength);
    if (!follows) {
      return true;
    }
  }
  return false;
}

/** "Salman bin Muhammad" and "Muhammad bin Salman" are father and son. */
function fathersReversed(query: ParsedName, list: ParsedName, queryTo: Int8Array): boolean {
  if (query.father < 1 || list.father < 1) {
    return false;
  }
  return queryTo[query.father] === list.father - 1 && queryTo[query.father - 1] === list.father;
}

const doubtfulRelations: ReadonlySet<TokenRelation> = new Set(['misspelt', 'consonants', 'nickname']);

function judge(
  query: ParsedName,
  list: ParsedName,
  pairs: readonly AlignedPair[],
  leftovers: Leftovers,
  config: ScreeningConfig,
): Alignment {
  const { penalties } = config;
  let matched = 0;
  let earned = 0;
  let evidence = 0;
  let certain = true;
  for (const pair of pairs) {
    const doubtful = doubtfulRelations.has(pair.relation);
    certain &&= !doubtful && pair.relation !== 'initial';
    matched += pair.weight;
    earned += pair.weight * pair.similarity;
    evidence += pair.weight * (doubtful ? Math.max(0, 1 - 2.5 * (1 - pair.similarity)) : 1);
  }
  // One syllable more or less is another Chinese or Korean name, where elsewhere it is a middle name.
  const strict = query.kind !== 'organisation' && (isSyllabic(query) || isSyllabic(list));
  const conflict = strict
    ? Math.max(leftovers.query, leftovers.list)
    : Math.min(leftovers.query, leftovers.list);
  const extraInQuery = Math.max(0, leftovers.query - conflict);
  const extraInList = Math.max(0, leftovers.list - conflict);
  const quality = matched === 0 ? 0 : earned / matched;
  const complete = leftovers.query + leftovers.list < 0.1;
  const needed = evidenceNeeded(query.kind, extraInQuery, extraInList, config);
  const shortage = complete && certain ? 0 : Math.max(0, needed - evidence);
  const lost =
    penalties.conflict * conflict +
    penalties.extraInQuery * extraInQuery +
    penalties.extraInList * extraInList +
    penalties.shortage * shortage;
  const aligned = matched === 0 ? 0 : quality ** penalties.looseness * (matched / (matched + lost));
  const ordered = aligned * orderFactor(leftovers, config);
  const inOrder = !leftovers.reversedFather && !leftovers.brokenRun;
  const runTogether = inOrder && ordered < 0.95 ? compareRunTogether(query, list) : 0;
  return {
    pairs,
    matched,
    quality,
    conflict,
    extraInQuery,
    extraInList,
    shortage,
    reversedFather: leftovers.reversedFather,
    brokenRun: leftovers.brokenRun,
    runTogether,
    score: Math.min(1, Math.max(ordered, runTogether)),
  };
}

function evidenceNeeded(
  kind: EntityKind,
  extraInQuery: number,
  extraInList: number,
  { penalties }: ScreeningConfig,
): number {
  if (kind !== 'person' && kind !== 'unknown') {
    return penalties.evidenceOfThings;
  }
  if (extraInList > 0.1) {
    return penalties.evidenceWithExtraInList;
  }
  return extraInQuery > 0.1 ? penalties.evidenceWithExtraInQuery : penalties.evidenceOfWhole;
}

/** What is left of a score when the words agree and their order says they are another person's. */
export function orderFactor(
  order: { readonly reversedFather: boolean; readonly brokenRun: boolean },
  config: ScreeningConfig,
): number {
  return (
    (order.reversedFather ? config.penalties.reversedFather : 1) *
    (order.brokenRun ? config.penalties.brokenRun : 1)
  );
}

function isSyllabic(name: ParsedName): boolean {
  return name.strong.some((token) => token.syllable);
}

const runTogetherLettersMin = 5;
const runTogetherTolerantLettersMin = 8;

function compareRunTogether(query: ParsedName, list: ParsedName): number {
  const shorter = Math.min(query.joined.length, list.joined.length);
  if (shorter < runTogetherLettersMin || isSyllabic(query) || isSyllabic(list)) {
    return 0;
  }
  if (query.joined === list.joined) {
    return 0.98;
  }
  if (shorter < runTogetherTolerantLettersMin) {
    return 0;
  }
  if (query.joined.length === list.joined.length && neighboursSwapped(query.joined, list.joined)) {
    return 0.95;
  }
  if (query.strong.length === list.strong.length) {
    return 0;
  }
  const length = Math.max(query.joinedSound.length, list.joinedSound.length);
  const limit = length * 0.08;
  // Each slip within the limit changes so many letters at most.
  if (maskDifference(letterMask(query.joinedSound), letterMask(list.joinedSound)) > limit * 4) {
    return 0;
  }
  const distance = soundDistance(query.joinedSound, list.joinedSound, limit);
  return distance > limit ? 0 : 0.97 - distance / length;
}
