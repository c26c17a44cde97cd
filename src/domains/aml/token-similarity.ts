/** How alike two words of names are, and why. */
import { maskDifference, soundDistance, unvowelledDistance } from './name-sound.ts';
import type { NameToken } from './names.ts';

export type TokenRelation =
  | 'equal'
  | 'same_word'
  | 'same_sound'
  | 'initial'
  | 'nickname'
  | 'consonants'
  | 'swapped'
  | 'misspelt'
  | 'joined'
  | 'none';

export type TokenMatch = { readonly similarity: number; readonly relation: TokenRelation };

const none: TokenMatch = { similarity: 0, relation: 'none' };
const equal: TokenMatch = { similarity: 1, relation: 'equal' };
const sameWord: TokenMatch = { similarity: 0.98, relation: 'same_word' };
const sameSound: TokenMatch = { similarity: 0.96, relation: 'same_sound' };
const swapped: TokenMatch = { similarity: 0.93, relation: 'swapped' };
const initial: TokenMatch = { similarity: 0.85, relation: 'initial' };
const nickname: TokenMatch = { similarity: 0.88, relation: 'nickname' };

/**
 * Compares two words; symmetric.
 * @shape similarity 0 (no relation) or 0.7 to 1
 */
export function compareTokens(left: NameToken, right: NameToken): TokenMatch {
  if (left.text === right.text && left.unvowelled === right.unvowelled) {
    return equal;
  }
  if (left.symbol === right.symbol) {
    return sameWord;
  }
  if (left.role === 'number' || right.role === 'number' || left.role === 'legal' || right.role === 'legal') {
    return none;
  }
  if (left.role === 'initial' || right.role === 'initial') {
    return left.text.charAt(0) === right.text.charAt(0) ? initial : none;
  }
  if (left.unvowelled !== right.unvowelled) {
    return compareConsonants(left, right);
  }
  if (left.sound.length >= 2 && (left.sound === right.sound || left.plain === right.plain)) {
    return sameSound;
  }
  if (
    left.nicknames !== undefined &&
    right.nicknames !== undefined &&
    shares(left.nicknames, right.nicknames)
  ) {
    return nickname;
  }
  if (left.syllable || right.syllable) {
    return none;
  }
  if (left.known && right.known) {
    return none;
  }
  if (left.text.length === right.text.length && neighboursSwapped(left.text, right.text)) {
    return swapped;
  }
  return compareSounds(left.sound, right.sound, left.mask, right.mask);
}

/** Compares two sounds with a tolerance that grows with their length. */
export function compareSounds(left: string, right: string, leftMask: number, rightMask: number): TokenMatch {
  const length = Math.max(left.length, right.length);
  const limit = Math.min(left.length, right.length) <= 3 ? 0 : toleranceOf(length);
  if (limit === 0 || maskDifference(leftMask, rightMask) > limit * 4) {
    return none;
  }
  if (differsInGender(left, right)) {
    return none;
  }
  const distance = soundDistance(left, right, limit);
  return distance > limit ? none : { similarity: 1 - (1.2 * distance) / length, relation: 'misspelt' };
}

function toleranceOf(length: number): number {
  if (length <= 4) {
    return 0.5;
  }
  if (length <= 6) {
    return 1;
  }
  return length <= 8 ? 1.5 : 2;
}

function compareConsonants(left: NameToken, right: NameToken): TokenMatch {
  const [written, latin] = left.unvowelled ? [left, right] : [right, left];
  const letters = Math.max(written.sound.length, latin.sound.length);
  if (letters < 3 || maskDifference(consonantBits(written.mask), consonantBits(latin.mask)) > 4) {
    return none;
  }
  const limit = letters * 0.16;
  const distance = unvowelledDistance(written.sound, latin.sound, limit);
  return distance > limit ? none : { similarity: 0.94 - (1.6 * distance) / letters, relation: 'consonants' };
}

const vowelBits = [...'aeiouvwyh'].reduce((bits, letter) => bits | (1 << (letter.charCodeAt(0) - 97)), 0);

function consonantBits(mask: number): number {
  return mask & ~vowelBits;
}

function shares(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  for (const value of left) {
    if (right.has(value)) {
      return true;
    }
  }
  return false;
}

/** "Antonio" and "Antonia" are two names: the last vowel is grammar, not spelling. */
function differsInGender(left: string, right: string): boolean {
  if (left.length !== right.length || left.length < 4) {
    return false;
  }
  const ends = `${left.charAt(left.length - 1)}${right.charAt(right.length - 1)}`;
  return (ends === 'ao' || ends === 'oa') && left.slice(0, -1) === right.slice(0, -1);
}

/** Whether one pair of neighbouring letters is swapped: the commonest slip of the keyboard, which chance seldom makes of two different names. */
export function neighboursSwapped(left: string, right: string): boolean {
  let at = 0;
  while (at < left.length && left[at] === right[at]) {
    at += 1;
  }
  const swappedHere = left[at] === right[at + 1] && left[at + 1] === right[at];
  return left.length >= 3 && swappedHere && left.slice(at + 2) === right.slice(at + 2);
}
