/**
 * The keys that the personal parts of a slice's rows are under, looked up anew for each slice: of a person who
 * was erased since, the slices that follow show no more. People are told apart by bytes; the text of each
 * person's id is made once.
 */
import type { Id } from '../../kernel/id.ts';
import { beginOf, COLUMN, lengthOf, type Tuple, uuidOf } from '../../platform/audit/export-row.ts';
import type { LogSlice } from '../../platform/audit/export-slices.ts';
import { int32 } from '../../platform/audit/log-tuples.ts';
import { keyOfEither } from '../../platform/audit/personal-key.ts';
import type { Ctx } from '../../platform/context.ts';
import type { DataKey } from '../../platform/crypto/seal.ts';
import { readerOf } from '../../platform/db/transact-at-once.ts';

/** By place in the slice; undefined where a person was erased. */
export type Keys = readonly (DataKey | undefined)[];

type Person = {
  readonly id: Id;
  readonly words: readonly number[];
  slice: number;
  /** What opens the rows in which the person acted; undefined where they were erased. */
  key: DataKey | undefined;
  /** What opens the rows about the person in which nobody acted. */
  either: DataKey;
};

const WORDS: readonly number[] = [0, 4, 8, 12];
/** People are forgotten beyond it, so that a long log needs no more memory than a short one. */
const MOST_PEOPLE = 20_000;

/** Gives the keys of one slice after the other. */
export function keyReader(ctx: Ctx): (slice: LogSlice) => Promise<Keys> {
  const people = new Map<number, Person>();
  let number = 0;
  return async (slice) => {
    number += 1;
    if (people.size > MOST_PEOPLE) {
      people.clear();
    }
    const { house } = ctx.deps.keyring;
    const concerned: Person[] = [];
    const acted: (Person | null)[] = [];
    const about: (Person | null)[] = [];
    for (let sequence = slice.begin; sequence < slice.end; sequence += 1) {
      const tuple = slice.leaf(sequence);
      const actor = personOf(people, tuple, COLUMN.actorUserId, house);
      const person = actor ?? personOf(people, tuple, COLUMN.subjectUserId, house);
      acted.push(actor);
      about.push(person);
      if (person !== null && person.slice !== number) {
        person.slice = number;
        concerned.push(person);
      }
    }
    const ids = concerned.map(({ id }) => id);
    const keys = await ctx.deps.personKeys.ofMany(readerOf(ctx, 'engine'), ids);
    for (const person of concerned) {
      person.key = keys.get(person.id);
      person.either = keyOfEither(house, person.key);
    }
    return about.map((person, place) => (acted[place] === null ? (person?.either ?? house) : person?.key));
  };
}

/** Whom a column names; null where it names nobody. */
function personOf(people: Map<number, Person>, tuple: Tuple, column: number, house: DataKey): Person | null {
  if (lengthOf(tuple, column) < 0) {
    return null;
  }
  const { bytes } = tuple.tuples;
  const begin = beginOf(tuple, column);
  const hash =
    int32(bytes, begin) ^ int32(bytes, begin + 4) ^ int32(bytes, begin + 8) ^ int32(bytes, begin + 12);
  const known = people.get(hash);
  if (known !== undefined && WORDS.every((at, word) => known.words[word] === int32(bytes, begin + at))) {
    return known;
  }
  const id = uuidOf(tuple, column) as Id;
  const words = WORDS.map((at) => int32(bytes, begin + at));
  const person: Person = { id, words, slice: 0, key: undefined, either: house };
  people.set(hash, person);
  return person;
}
