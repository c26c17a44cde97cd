/**
 * Reads a name as it stands on a list or in an application into comparable tokens: one alphabet, one case,
 * weak words marked as weak. It guarantees bounded output for any input; it refuses what carries no letter
 * or digit and what is too long to be a name. It does not decide whether two names match.
 */
import { withoutInvisible } from '../../kernel/invisible.ts';
import type { EntityKind } from './lists/entity.ts';
import { inLatinLookAlikes } from './look-alikes.ts';
import { consonantSkeleton, foldSound, letterMask } from './name-sound.ts';
import {
  commonNameWords,
  honorificWords,
  isKnownName,
  legalFormTable,
  nicknameClasses,
  numberTable,
  organisationWordTable,
  particleWords,
  patronymicWords,
  type SymbolTable,
  transliterationTable,
} from './name-symbols.ts';
import { type TokenRole, transliterate, type Word } from './transliterate.ts';

export type NameToken = {
  readonly text: string;
  readonly role: TokenRole;
  /** Share of the evidence this token carries, 0 to 1. */
  readonly weight: number;
  /** Equal symbols are spellings of one word. */
  readonly symbol: string;
  readonly sound: string;
  /** The spelling with doubled letters written once. */
  readonly plain: string;
  readonly skeleton: string;
  readonly mask: number;
  /** One romanised Han or Hangul syllable: too short for any tolerance. */
  readonly syllable: boolean;
  /** A name the tables know, so that a different known name is no misspelling of it. */
  readonly known: boolean;
  /** Written in a script without vowels, so only consonants can be compared. */
  readonly unvowelled: boolean;
  readonly nicknames: ReadonlySet<string> | undefined;
};

export type ParsedName = {
  readonly original: string;
  readonly kind: EntityKind;
  readonly tokens: readonly NameToken[];
  /** All but particles and honorifics, in order. */
  readonly strong: readonly NameToken[];
  /** All words run together as they were written, titles and particles included. */
  readonly joined: string;
  readonly joinedSound: string;
  /** Evidence the strong tokens could give together. */
  readonly weight: number;
  /** Parallel to `strong`: words that belong together (one side of a comma, one run of syllables). */
  readonly runs: readonly number[];
  /** Positions in `strong` of the first given name and the first surname, where a comma tells them. */
  readonly leading: readonly number[];
  /** Position in `strong` of a father's name introduced by "bin", "ibn" and the like, or -1. */
  readonly father: number;
};

export type NameRefusalCode = 'name_empty' | 'name_too_long' | 'name_too_many_words';

export type NameReading =
  | { readonly ok: true; readonly name: ParsedName }
  | { readonly ok: false; readonly code: NameRefusalCode };

export const nameCharactersMax = 500;
export const nameWordsMax = 40;

/**
 * Reads one name.
 * @shape a refusal instead of an exception: input comes from customers and from publishers
 */
export function readName(raw: string, kind: EntityKind): NameReading {
  if (raw.length > nameCharactersMax) {
    return { ok: false, code: 'name_too_long' };
  }
  const { words, joined } = wordsOf(raw, kind);
  if (words.length === 0) {
    return { ok: false, code: 'name_empty' };
  }
  if (words.length > nameWordsMax) {
    return { ok: false, code: 'name_too_many_words' };
  }
  return { ok: true, name: assemble(raw, kind, words, joined) };
}

/**
 * Every way in which a name has to be compared: as its letters sound, and as they look where it mixes scripts.
 * @shape one or two readings, the one by sound first
 */
export function readingsOf(raw: string, kind: EntityKind): readonly [NameReading, ...NameReading[]] {
  const seen = raw.length > nameCharactersMax ? undefined : inLatinLookAlikes(visibleOf(raw));
  const bySound = readName(raw, kind);
  return seen === undefined ? [bySound] : [bySound, readName(seen, kind)];
}

const roleWeights: Record<TokenRole, number> = {
  core: 1,
  common: 0.62,
  patronymic: 0.5,
  initial: 0.3,
  number: 0.7,
  generic: 0.4,
  legal: 0.08,
  particle: 0.12,
  honorific: 0.08,
};

function assemble(original: string, kind: EntityKind, words: readonly Word[], joined: string): ParsedName {
  const tokens = words.map((word) => tokenOf(word, kind));
  const informative = tokens.some((token) => roleWeights[token.role] > roleWeights.particle);
  const named = tokens.filter((token) => token.role !== 'particle' && token.role !== 'honorific').length;
  const kept = tokens.map((token): NameToken => {
    if (!informative) {
      return { ...token, role: 'core', weight: 0.8 };
    }
    // Where a title is half of the name ("al-Shaykh, Muhammad") it is a name.
    const titleIsName = token.role === 'honorific' && named < 2;
    return titleIsName ? { ...token, role: 'common', weight: roleWeights.common } : token;
  });
  const strong: number[] = [];
  let father = -1;
  kept.forEach((token, position) => {
    if (token.role === 'particle' || token.role === 'honorific') {
      return;
    }
    const previous = kept[position - 1];
    if (father === -1 && previous !== undefined && patronymicWords.has(previous.text)) {
      father = strong.length;
    }
    strong.push(position);
  });
  const usable = strong.length > 0 ? strong : kept.map((_token, position) => position);
  const surname = usable.findIndex((position) => words[position]?.surname === true);
  return {
    original,
    kind,
    tokens: kept,
    strong: usable.map((position) => kept[position]).filter((token) => token !== undefined),
    joined,
    joinedSound: foldSound(joined),
    weight: usable.reduce((sum, position) => sum + (kept[position]?.weight ?? 0), 0),
    runs: usable.map((position) => words[position]?.run ?? 0),
    leading: surname > 0 ? [0, surname] : [],
    father,
  };
}

function tokenOf(word: Word, kind: EntityKind): NameToken {
  const role = word.role ?? roleOf(word, kind);
  const symbol = word.symbol ?? (word.han === true ? word.text : symbolOf(word.text, role));
  const sound = foldSound(word.text, word.unvowelled);
  return {
    text: word.text,
    role,
    weight: weightOf(role, word),
    symbol,
    sound,
    plain: undoubled(word.text),
    skeleton: consonantSkeleton(sound),
    mask: letterMask(sound),
    syllable: word.ideographic,
    known: isKnownName(word.text),
    unvowelled: word.unvowelled,
    nicknames: kind === 'person' || kind === 'unknown' ? nicknameClasses.get(word.text) : undefined,
  };
}

function weightOf(role: TokenRole, word: Word): number {
  const base = roleWeights[role];
  if (role !== 'core' || word.ideographic) {
    return word.ideographic && role === 'core' ? 0.6 : base;
  }
  return word.text.length <= 2 ? base * 0.6 : word.text.length === 3 ? base * 0.8 : base;
}

function roleOf(word: Word, kind: EntityKind): TokenRole {
  const { text } = word;
  if (/^\d+$/u.test(text)) {
    return 'number';
  }
  if (kind === 'organisation' || kind === 'vessel' || kind === 'aircraft') {
    if (numberTable.symbolOf.has(text) && text.length > 1) {
      return 'number';
    }
    if (organisationWordTable.symbolOf.has(text)) {
      return kind === 'organisation' ? 'generic' : 'core';
    }
    return particleWords.has(text) ? 'particle' : 'core';
  }
  if (word.ideographic) {
    return 'core';
  }
  if (text.length === 1) {
    return 'initial';
  }
  if (honorificWords.has(text) || (text.length > 5 && honorificWords.has(undoubled(text)))) {
    return 'honorific';
  }
  if (particleWords.has(text)) {
    return 'particle';
  }
  if (/.{2}(?:ov|ev|yev)(?:ich|ych|yich|itch|na)$/u.test(text)) {
    return 'patronymic';
  }
  const symbol = transliterationTable.symbolOf.get(text) ?? text;
  return commonNameWords.has(text) || commonNameWords.has(symbol) ? 'common' : 'core';
}

function symbolOf(text: string, role: TokenRole): string {
  switch (role) {
    case 'number':
      return `#${numberTable.symbolOf.get(text) ?? text.replace(/^0+(?=\d)/u, '')}`;
    case 'generic':
      return `~${organisationWordTable.symbolOf.get(text) ?? text}`;
    case 'legal':
      return `^${legalFormTable.symbolOf.get(text) ?? text}`;
    default:
      return transliterationTable.symbolOf.get(text) ?? text;
  }
}

const quoteMarks = /[’‘'`´ʼʻʾʿʹʺ"“”„«»‛′״׳]/gu;
const stretching = /\u0640/gu;
const unusable = /\p{C}|\p{Extended_Pictographic}|\p{Emoji_Modifier}|\u20E3/gu;
const separators = /[^\p{L}\p{M}\p{N}]+/u;

function wordsOf(raw: string, kind: EntityKind): { readonly words: Word[]; readonly joined: string } {
  const clean = visibleOf(raw)
    .replace(stretching, '')
    .replace(unusable, ' ')
    .replace(/(?<=\p{L})\?(?=\p{L})/gu, '')
    .replace(quoteMarks, '')
    .replace(/&/gu, ' and ');
  const dotted = joinAcronyms(clean, kind);
  const [before = '', after = ''] = kind === 'person' ? givenFirst(dotted) : [dotted];
  const words = splitWords(before, 1);
  const surnames = splitWords(after, words.length + 2);
  const [first] = surnames;
  if (first !== undefined && words.length > 0) {
    first.surname = true;
  }
  const all = [...words, ...surnames];
  const joined = all.map((word) => word.text).join('');
  return { words: markLegalForms(compound(all), kind), joined };
}

/** Before and after: what is drawn as nothing keeps letters from being composed, and composing makes some of it. */
function visibleOf(raw: string): string {
  return withoutInvisible(withoutInvisible(raw.toWellFormed()).normalize('NFKC'));
}

/** "HAKIM MURAD, Abdul" is Abdul Hakim Murad: words that belong together must stand together. */
function givenFirst(text: string): readonly string[] {
  const [surnames = '', given = '', ...suffixes] = text.split(/[,،]/u);
  return given.trim() === '' ? [text.replace(/,/gu, ' ')] : [given, `${surnames} ${suffixes.join(' ')}`];
}

function splitWords(text: string, firstRun: number): Word[] {
  const words: Word[] = [];
  let run = firstRun;
  for (const piece of text.split(separators)) {
    if (piece !== '') {
      run += 1;
      for (const word of transliterate(piece)) {
        words.push({ ...word, run: word.ideographic ? run : firstRun });
      }
    }
  }
  return words;
}

/** "L.X.C. Aviation" is one word and an acronym; "J. P. Smith" keeps its initials. */
function joinAcronyms(text: string, kind: EntityKind): string {
  if (kind === 'person') {
    return text;
  }
  return text.replace(/(?<![\p{L}\p{N}])(?:\p{L}\.[ ]?){1,7}\p{L}(?![\p{L}\p{N}])/gu, (run) =>
    run.replace(/[. ]/gu, ''),
  );
}

const servantSpellings = 'abd abdul abdel abdal abdoul abdur abdu abdol abdil abdou bd'.split(' ');
const servantWords = new Set(servantSpellings.flatMap((word) => [word, ...neighbourSwaps(word)]));
const articles = new Set('al el ul ar ur as ash az an ad at il'.split(' '));
const faithWords = new Set(
  'din deen dine eddine eddin uddin uddine aldin eldin addin aldine oddin ddin'.split(' '),
);
const godWords = new Set('allah ullah ollah llah'.split(' '));

function undoubled(text: string): string {
  return text.replace(/(.)\1+/gu, '$1');
}

/** A slip in so common a word must not take the compound apart. */
function neighbourSwaps(word: string): string[] {
  return Array.from(
    { length: word.length - 1 },
    (_unused, at) => word.slice(0, at) + word.charAt(at + 1) + word.charAt(at) + word.slice(at + 2),
  ).filter((swapped) => swapped.length >= 3);
}

/** Arabic names of two words ("Abd al-Rahman", "Salah al-Din", "Hamd Allah") are one name in many spellings. */
function compound(words: readonly Word[]): Word[] {
  const result: Word[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index];
    if (word === undefined) {
      continue;
    }
    if (servantWords.has(undoubled(word.text))) {
      const next = articles.has(words[index + 1]?.text ?? '') ? index + 2 : index + 1;
      const name = words[next];
      if (name !== undefined && name.text.length >= 3 && !servantWords.has(undoubled(name.text))) {
        result.push({ ...servantOf(name), surname: word.surname === true || name.surname === true });
        index = next;
        continue;
      }
    }
    if ((faithWords.has(word.text) || godWords.has(word.text)) && result.length > 0) {
      const withArticle = result.length > 1 && articles.has(result.at(-1)?.text ?? '');
      const base = withArticle ? result.at(-2) : result.at(-1);
      if (base !== undefined && base.text.length >= 2 && !particleWords.has(base.text)) {
        result.length -= withArticle ? 2 : 1;
        result.push({ ...base, text: base.text + (godWords.has(word.text) ? 'ullah' : 'din') });
        continue;
      }
    }
    result.push(word.unvowelled ? word : { ...word, text: oneWordCompound(word.text) });
  }
  return result;
}

function servantOf(name: Word): Word {
  if (godWords.has(name.text)) {
    return { text: 'abdullah', unvowelled: false, ideographic: false };
  }
  const symbol = transliterationTable.symbolOf.get(name.text);
  return { text: `abd${symbol ?? name.text}`, unvowelled: name.unvowelled, ideographic: false };
}

function oneWordCompound(text: string): string {
  if (transliterationTable.symbolOf.has(text) || text.length < 7) {
    return text;
  }
  const servant = /^abd(?:[aeiou]{1,2})(?:l|r(?=r)|s(?=s)|n(?=n)|z(?=z)|t(?=t)|d(?=d))(.{3,})$/u.exec(
    text,
  )?.[1];
  if (servant !== undefined) {
    return `abd${transliterationTable.symbolOf.get(servant) ?? servant}`;
  }
  const faithful = /^(.{3,}?)(?:a|e|u|o|ou)[dl]?d(?:in|ine|een)$/u.exec(text)?.[1];
  if (faithful !== undefined) {
    return `${faithful}din`;
  }
  const godly = /^(.{3,}?)(?:u|a|o)l+ah?$/u.exec(text)?.[1];
  return godly === undefined ? text : `${godly}ullah`;
}

function markLegalForms(words: readonly Word[], kind: EntityKind): Word[] {
  const result: Word[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index];
    if (word === undefined) {
      continue;
    }
    const phrase = matchPhrase(words, index, legalFormTable) ?? 0;
    if (phrase > 0) {
      const symbol = phraseSymbol(words, index, phrase);
      result.push({
        text: symbol,
        role: 'legal',
        symbol: `^${symbol}`,
        unvowelled: false,
        ideographic: false,
      });
      index += phrase - 1;
    } else if (isLegalWord(word, kind, index)) {
      result.push({ ...word, role: 'legal' });
    } else {
      const numbers = kind === 'person' ? undefined : matchPhrase(words, index, numberTable);
      if (numbers === undefined) {
        result.push(word);
      } else {
        const text = words
          .slice(index, index + numbers)
          .map((part) => part.text)
          .join(' ');
        const symbol = numberTable.phrases
          .get(word.text)
          ?.find((known) => known.words.join(' ') === text)?.symbol;
        result.push({ text: symbol ?? text, role: 'number', unvowelled: false, ideographic: false });
        index += numbers - 1;
      }
    }
  }
  return result;
}

/** Two-letter forms ("AG", "SA", "NA") are also syllables of personal names. */
function isLegalWord(word: Word, kind: EntityKind, index: number): boolean {
  if (index === 0 && kind !== 'organisation') {
    return false;
  }
  const known = legalFormTable.symbolOf.has(word.text);
  return (
    known &&
    (kind === 'organisation' ||
      (word.text.length >= 3 && /^(llc|ltd|inc|gmbh|corp|ooo|plc|limited)$/u.test(word.text)))
  );
}

function matchPhrase(words: readonly Word[], index: number, table: SymbolTable): number | undefined {
  const phrases = table.phrases.get(words[index]?.text ?? '');
  return phrases?.find((phrase) => phrase.words.every((part, offset) => words[index + offset]?.text === part))
    ?.words.length;
}

function phraseSymbol(words: readonly Word[], index: number, length: number): string {
  const text = words
    .slice(index, index + length)
    .map((word) => word.text)
    .join(' ');
  const first = words[index]?.text ?? '';
  return legalFormTable.phrases.get(first)?.find((phrase) => phrase.words.join(' ') === text)?.symbol ?? text;
}
