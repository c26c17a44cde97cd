/**
 * Finds the list names worth scoring, from memory. Words are looked up by spelling, by symbol, by sound, by
 * one deleted letter and by shared consonants; whole names also run together. It guarantees bounded work per
 * query whatever the query is; it does not decide anything, so its only possible error is a missed candidate.
 */
import { JOINED_MIN } from './align.ts';
import type { ScreeningConfig } from './config.ts';
import type { EntityKind, ListEntity, NameType } from './lists/entity.ts';
import { foldSound, letterMask, phoneticKey } from './name-sound.ts';
import type { NameToken, ParsedName } from './names.ts';
import { rankCandidates } from './rank-candidates.ts';
import { readListed } from './read-listed.ts';
import { identifierKey } from './score.ts';
import { compareSounds, compareTokens } from './token-similarity.ts';

export type IndexedEntity = {
  /** Whatever the caller knows the entity by: opaque here, returned with each match. */
  readonly key: string;
  readonly entity: ListEntity;
};

export type IndexedName = {
  readonly entry: IndexedEntity;
  readonly name: ParsedName;
  readonly type: NameType;
};

export type CandidateIndex = {
  readonly entityCount: number;
  readonly nameCount: number;
  readonly vocabularySize: number;
  /** Names that could not be read, by entity key: the import counts them and tells the operator. */
  readonly unreadable: readonly { readonly key: string; readonly name: string }[];
  readonly names: readonly IndexedName[];
  readonly byIdentifier: ReadonlyMap<string, readonly IndexedName[]>;
  readonly parts: IndexParts;
};

export type Candidate = { readonly indexed: IndexedName; readonly bound: number };

export type Recalled = {
  readonly candidates: readonly Candidate[];
  /** There are names that could be a match and are not among them. */
  readonly isCut: boolean;
};

/**
 * Builds the index once per list version.
 * @units time about 1 s and 60 MB per 40,000 names
 */
export function buildCandidateIndex(entities: readonly IndexedEntity[]): CandidateIndex {
  const steps = buildSteps(entities);
  for (;;) {
    const step = steps.next();
    if (step.done === true) {
      return step.value;
    }
  }
}

/**
 * The same index, built in turns with whatever else the process has to do: a large list takes seconds.
 * @units a turn takes about `TURN_MS`
 */
export async function buildCandidateIndexInTurns(
  entities: readonly IndexedEntity[],
): Promise<CandidateIndex> {
  const steps = buildSteps(entities);
  let begun = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done === true) {
      return step.value;
    }
    if (performance.now() - begun > TURN_MS) {
      await new Promise((resume) => setImmediate(resume));
      begun = performance.now();
    }
  }
}

const TURN_MS = 10;

/** After how many entities, names or words a turn may end. */
const TURN_SIZE = 100;

function* buildSteps(entities: readonly IndexedEntity[]): Generator<void, CandidateIndex> {
  const names: IndexedName[] = [];
  const unreadable: { key: string; name: string }[] = [];
  for (const [place, entry] of entities.entries()) {
    for (const listed of entry.entity.names) {
      const readings = readListed(listed.name, entry.entity.kind);
      names.push(...readings.map((name) => ({ entry, name, type: listed.type })));
      if (readings.length === 0) {
        unreadable.push({ key: entry.key, name: listed.name });
      }
    }
    if (place % TURN_SIZE === 0) {
      yield;
    }
  }
  const parts = yield* partsOf(names);
  return {
    entityCount: entities.length,
    nameCount: names.length,
    vocabularySize: parts.tokens.length,
    unreadable,
    names,
    byIdentifier: identifiersOf(names),
    parts,
  };
}

/**
 * Candidates for one name, best bound first: `config.candidatesMax`, and whoever else could reach `least`.
 * @shape about `config.postingsMax` postings are read at most
 */
export function recallCandidates(
  index: CandidateIndex,
  query: ParsedName,
  kind: EntityKind,
  config: ScreeningConfig,
  least: number,
): Recalled {
  const { parts } = index;
  const work = parts.work;
  const tally: Tally = {
    parts,
    kinds: comparableKinds(kind),
    left: config.postingsMax,
    isCut: false,
    touched: [],
  };
  let unread = 0;
  const tokens = distinct(query.strong).map(({ token, weight }) => ({
    weight,
    related: relatedTokens(parts, token),
  }));
  // Rare words first: if the budget runs out, it runs out on words that say little.
  tokens.sort((left, right) => postingsOf(parts, left.related) - postingsOf(parts, right.related));
  for (const { weight, related } of tokens) {
    work.round += 1;
    tally.isCut = false;
    for (const { id, similarity } of related) {
      addPostings(tally, work.sums, parts.postings[id] as Int32Array, weight * similarity);
    }
    unread += tally.isCut ? weight : 0;
  }
  addRunTogether(tally, query);
  const reach = { ...work, touched: tally.touched, weights: parts.weights, unread };
  const size = { weight: query.weight, words: query.strong.length };
  const { kept, isCut } = rankCandidates(reach, size, config, least);
  const candidates = kept.map(({ name, bound }) => ({ indexed: index.names[name] as IndexedName, bound }));
  for (const name of tally.touched) {
    work.sums[name] = 0;
    work.joins[name] = 0;
    work.rounds[name] = 0;
  }
  work.round = 0;
  return { candidates, isCut };
}

/** Each word once, with the weight of all its places: a word said thirty times is looked up once. */
function distinct(words: readonly NameToken[]) {
  const found = new Map<string, { readonly token: NameToken; weight: number }>();
  for (const token of words) {
    const spelling = spellingOf(token);
    const known = found.get(spelling);
    if (known === undefined) {
      found.set(spelling, { token, weight: token.weight });
    } else {
      known.weight += token.weight;
    }
  }
  return [...found.values()];
}

/** The first name of each entity, by each of its identifiers. */
function identifiersOf(names: readonly IndexedName[]): Map<string, IndexedName[]> {
  const found = new Map<string, IndexedName[]>();
  let previous: IndexedEntity | undefined;
  for (const indexed of names) {
    if (indexed.entry !== previous) {
      previous = indexed.entry;
      for (const identifier of indexed.entry.entity.identifiers) {
        const key = identifierKey(identifier);
        if (key !== '') {
          found.set(key, [...(found.get(key) ?? []), indexed]);
        }
      }
    }
  }
  return found;
}

type RelatedToken = { readonly id: number; readonly similarity: number };

type IndexParts = {
  readonly tokens: readonly NameToken[];
  readonly idOf: ReadonlyMap<string, number>;
  readonly bySymbol: ReadonlyMap<string, readonly number[]>;
  readonly byKey: ReadonlyMap<string, readonly number[]>;
  readonly postings: readonly Int32Array[];
  /** Names by the phonetic key of the whole name and of each pair of neighbours, run together. */
  readonly joined: ReadonlyMap<string, readonly number[]>;
  readonly kinds: Uint8Array;
  readonly weights: Float32Array;
  readonly work: {
    round: number;
    readonly sums: Float32Array;
    readonly joins: Float32Array;
    readonly rounds: Uint16Array;
    /** Which words of the lists were looked at for the word that is looked up. */
    lookup: number;
    readonly lookups: Uint32Array;
  };
  readonly relatedCache: Map<string, readonly RelatedToken[]>;
};

type Tally = {
  readonly parts: IndexParts;
  readonly kinds: number;
  left: number;
  /** Not everything that was asked for was read. */
  isCut: boolean;
  readonly touched: number[];
};

const kindBits: Record<EntityKind, number> = {
  person: 1,
  organisation: 2,
  vessel: 4,
  aircraft: 8,
  unknown: 16,
};
const allKinds = 31;

/** A person is never screened as a ship, nor a firm as a person; what is of unknown kind is compared with all. */
function comparableKinds(kind: EntityKind): number {
  switch (kind) {
    case 'person':
      return kindBits.person | kindBits.unknown;
    case 'organisation':
    case 'vessel':
    case 'aircraft':
      return allKinds & ~kindBits.person;
    case 'unknown':
      return allKinds;
  }
}

function* partsOf(names: readonly IndexedName[]): Generator<void, IndexParts> {
  const tokens: NameToken[] = [];
  const idOf = new Map<string, number>();
  const lists: number[][] = [];
  const joined = new Map<string, number[]>();
  for (const [name, indexed] of names.entries()) {
    for (const token of indexed.name.strong) {
      const spelling = spellingOf(token);
      let id = idOf.get(spelling);
      if (id === undefined) {
        id = tokens.length;
        idOf.set(spelling, id);
        tokens.push(token);
        lists.push([]);
      }
      const list = lists[id] as number[];
      if (list.at(-1) !== name) {
        list.push(name);
      }
    }
    for (const key of joinedKeys(indexed.name)) {
      append(joined, key, name);
    }
    if (name % TURN_SIZE === 0) {
      yield;
    }
  }
  const bySymbol = new Map<string, number[]>();
  const byKey = new Map<string, number[]>();
  for (const [id, token] of tokens.entries()) {
    append(bySymbol, token.symbol, id);
    for (const key of tokenKeys(token)) {
      append(byKey, key, id);
    }
    if (id % TURN_SIZE === 0) {
      yield;
    }
  }
  return {
    tokens,
    idOf,
    bySymbol,
    byKey,
    postings: lists.map((list) => Int32Array.from(list)),
    joined,
    kinds: Uint8Array.from(names, (indexed) => kindBits[indexed.entry.entity.kind]),
    weights: Float32Array.from(names, (indexed) => indexed.name.weight),
    work: {
      lookup: 0,
      lookups: new Uint32Array(tokens.length),
      round: 0,
      sums: new Float32Array(names.length),
      joins: new Float32Array(names.length),
      rounds: new Uint16Array(names.length),
    },
    relatedCache: new Map(),
  };
}

function append(map: Map<string, number[]>, key: string, value: number): void {
  const list = map.get(key);
  if (list === undefined) {
    map.set(key, [value]);
  } else if (list.at(-1) !== value) {
    list.push(value);
  }
}

/** The same letters weigh and compare differently in another role or script. */
function spellingOf(token: NameToken): string {
  return `${token.role}${token.unvowelled ? '*' : token.syllable ? '+' : '-'}${token.text}`;
}

const deletionLettersMin = 4;
const deletionLettersMax = 14;

function tokenKeys(token: NameToken): Set<string> {
  const keys = new Set<string>();
  if (token.role === 'number' || token.role === 'legal' || token.role === 'initial') {
    return keys;
  }
  keys.add(`k${token.skeleton}`);
  keys.add(`p${phoneticKey(token.sound)}`);
  const { sound } = token;
  // Swapped letters can change the sound (FELICITY, FELICTIY) but not the letters.
  keys.add(`a${[...token.text].sort().join('')}`);
  keys.add(`d${sound}`);
  keys.add(`c${token.plain}`);
  if (sound.length >= deletionLettersMin && sound.length <= deletionLettersMax) {
    for (let at = 0; at < sound.length; at += 1) {
      keys.add(`d${sound.slice(0, at)}${sound.slice(at + 1)}`);
    }
  }
  return keys;
}

const relatedMax = 160;
const perKeyMax = 400;
const cacheMax = 20_000;

/** Words of the lists that are spellings or misspellings of a word of the query. */
function relatedTokens(parts: IndexParts, token: NameToken): readonly RelatedToken[] {
  const spelling = spellingOf(token);
  const cached = parts.relatedCache.get(spelling);
  if (cached !== undefined) {
    return cached;
  }
  const { work } = parts;
  work.lookup += 1;
  const related: RelatedToken[] = [];
  const look = (ids: readonly number[] | undefined, most: number): void => {
    const length = Math.min(ids?.length ?? 0, most);
    for (let index = 0; index < length; index += 1) {
      const id = ids?.[index] as number;
      if (work.lookups[id] !== work.lookup) {
        work.lookups[id] = work.lookup;
        const { similarity } = compareTokens(token, parts.tokens[id] as NameToken);
        if (similarity > 0) {
          related.push({ id, similarity });
        }
      }
    }
  };
  look(parts.bySymbol.get(token.symbol), Number.POSITIVE_INFINITY);
  for (const key of tokenKeys(token)) {
    look(parts.byKey.get(key), perKeyMax);
  }
  related.sort((left, right) => right.similarity - left.similarity || left.id - right.id);
  related.length = Math.min(related.length, relatedMax);
  if (parts.relatedCache.size >= cacheMax) {
    parts.relatedCache.clear();
  }
  parts.relatedCache.set(spelling, related);
  return related;
}

function postingsOf(parts: IndexParts, related: readonly RelatedToken[]): number {
  return related.reduce((sum, { id }) => sum + (parts.postings[id] as Int32Array).length, 0);
}

function addPostings(
  tally: Tally,
  into: Float32Array,
  postings: readonly number[] | Int32Array,
  gain: number,
): void {
  const { kinds, work } = tally.parts;
  const { sums, joins, rounds, round } = work;
  const length = Math.min(postings.length, tally.left);
  tally.left -= length;
  tally.isCut ||= length < postings.length;
  for (let index = 0; index < length; index += 1) {
    const name = postings[index] as number;
    if (((kinds[name] as number) & tally.kinds) === 0 || rounds[name] === round) {
      continue;
    }
    if (sums[name] === 0 && joins[name] === 0) {
      tally.touched.push(name);
    }
    into[name] = (into[name] as number) + gain;
    rounds[name] = round;
  }
}

/** Keys under which a name is found that gained or lost a space. */
function joinedKeys(name: ParsedName): string[] {
  const keys = [phoneticKey(name.joinedSound)];
  for (let index = 1; index < name.strong.length; index += 1) {
    const pair = (name.strong[index - 1] as NameToken).text + (name.strong[index] as NameToken).text;
    keys.push(phoneticKey(foldSound(pair)));
  }
  return keys;
}

const joinedKeyLettersMin = 4;
const wholeLettersMin = 5;

function addRunTogether(tally: Tally, query: ParsedName): void {
  const { parts } = tally;
  const whole = phoneticKey(query.joinedSound);
  const reach = (postings: readonly number[] | Int32Array | undefined, gain: number): void => {
    if (postings !== undefined) {
      parts.work.round += 1;
      addPostings(tally, parts.work.joins, postings, gain);
    }
  };
  if (query.joined.length >= wholeLettersMin) {
    reach(parts.joined.get(whole), query.weight);
  }
  for (let index = 0; index < query.strong.length; index += 1) {
    const token = query.strong[index] as NameToken;
    const key = phoneticKey(token.sound);
    if (key.length >= joinedKeyLettersMin && token.text.length >= 6) {
      reach(parts.joined.get(key), token.weight * 1.5);
    }
    const next = query.strong[index + 1];
    if (next !== undefined) {
      const pair = runTogether(token, next);
      const pairKey = phoneticKey(pair.sound);
      if (pairKey.length >= joinedKeyLettersMin) {
        for (const id of parts.byKey.get(`p${pairKey}`) ?? []) {
          if (isOneWord(pair, parts.tokens[id] as NameToken)) {
            reach(parts.postings[id], token.weight + next.weight);
          }
        }
      }
    }
  }
}

type Pair = {
  readonly text: string;
  readonly sound: string;
  readonly mask: number;
  readonly syllable: boolean;
};

function runTogether(left: NameToken, right: NameToken): Pair {
  const text = left.text + right.text;
  const sound = foldSound(text);
  return { text, sound, mask: letterMask(sound), syllable: left.syllable || right.syllable };
}

/** Whether two words could be aligned with one: that they have the same key alone says little. */
function isOneWord(pair: Pair, word: NameToken): boolean {
  if (pair.text === word.text) {
    return true;
  }
  const isExact = pair.syllable || word.syllable;
  return !isExact && compareSounds(pair.sound, word.sound, pair.mask, word.mask).similarity >= JOINED_MIN;
}
