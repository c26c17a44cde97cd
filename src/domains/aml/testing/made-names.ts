/**
 * Names that no publisher wrote: listed ones misspelt as people misspell, and new ones of the words of people on
 * no list. The same seed makes the same names, so that what they measure is no matter of tuning on known rows.
 */
import { type Random, randomFrom } from '../../../testing/random.ts';
import type { ListEntity } from '../lists/entity.ts';
import type { ExpectedName } from './published-lists.ts';

const SEED = 20_261_121;
const LATIN = /^[A-Za-z' -]+$/u;

/** Listed names with one slip each, and who they are of. */
export function misspeltNames(entities: readonly ListEntity[], count: number): readonly ExpectedName[] {
  const random = randomFrom(SEED);
  const sources = entities.flatMap((entity) =>
    entity.names
      .filter(({ name, type }) => type !== 'weak_alias' && LATIN.test(name) && wordsOf(name).length >= 2)
      .filter(({ name }) => name.length >= 10 && name.length <= 60)
      .map(({ name }) => ({ name, reference: entity.sourceId, kind: entity.kind })),
  );
  const made: ExpectedName[] = [];
  for (let at = 0; at < count && sources.length > 0; at += 1) {
    const source = random.pick(sources);
    made.push({ ...source, name: misspell(source.name, random) });
  }
  return made;
}

/** Full names of a first word of one person and a last word of another. */
export function recombinedNames(names: readonly string[], count: number): readonly string[] {
  const random = randomFrom(SEED);
  const known = new Set(names);
  const usable = names.map(wordsOf).filter((words) => words.length >= 2);
  const made = new Set<string>();
  while (made.size < count && usable.length > 0) {
    const name = `${random.pick(usable)[0]} ${random.pick(usable).at(-1)}`;
    if (!known.has(name)) {
      made.add(name);
    }
  }
  return [...made];
}

type Slip = (words: string[], random: Random) => void;

const SLIPS: readonly Slip[] = [
  inLongWord((word, at) => `${word.slice(0, at)}${word[at + 1]}${word[at]}${word.slice(at + 2)}`),
  inLongWord((word, at) => word.slice(0, at) + word.slice(at + 1)),
  inLongWord((word, at) => word.slice(0, at) + word.charAt(at) + word.slice(at)),
  (words, random) => {
    const at = random.below(words.length - 1);
    words.splice(at, 2, `${words[at]}${words[at + 1]}`);
  },
  (words) => {
    words.unshift(words.pop() ?? '');
  },
  (words) => {
    if (words.length >= 4) {
      words.splice(words.length - 2, 1);
    }
  },
];

function misspell(name: string, random: Random): string {
  const words = wordsOf(name);
  random.pick(SLIPS)(words, random);
  return words.join(' ');
}

/** Behind the first letter, where people slip; in a word long enough to be known by the rest. */
function inLongWord(change: (word: string, at: number) => string): Slip {
  return (words, random) => {
    const long = words.flatMap((word, place) => (word.length >= 6 ? [place] : []));
    if (long.length === 0) {
      return;
    }
    const place = random.pick(long);
    const word = words[place] ?? '';
    words[place] = change(word, 1 + random.below(word.length - 3));
  };
}

function wordsOf(name: string): string[] {
  return name.split(/\s+/u).filter((word) => word !== '');
}
