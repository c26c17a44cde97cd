/**
 * How a Latin-spelt word sounds, coarsely and across languages: spellings of one sound fold together, so that
 * edit distance measures difference in sound and not in orthography. Capitals stand for digraphs
 * (S = sh, C = ch); everything else is a lower-case letter or digit.
 */

const digraphs: readonly (readonly [RegExp, string])[] = [
  [/tsch|tch|ch/gu, 'C'],
  [/sch|sh/gu, 'S'],
  [/^x(?=[aeiou])/u, 'S'],
  [/kh/gu, 'h'],
  [/gh/gu, 'g'],
  [/dzh|dj|zh/gu, 'j'],
  [/ph/gu, 'f'],
  [/th/gu, 't'],
  [/dh/gu, 'd'],
  [/ck/gu, 'k'],
  [/t[sz]/gu, 'z'],
  [/c(?=[eiy])/gu, 's'],
  [/[cq]/gu, 'k'],
  [/x/gu, 'ks'],
  [/w/gu, 'v'],
  [/ou|oo/gu, 'u'],
  [/ee|ie|iy|yi|ij/gu, 'i'],
  [/(?<!^)y|^y(?![aeiou])/gu, 'i'],
  [/(.)\1+/gu, '$1'],
];

/**
 * Folds a lower-case ASCII word to its sound. In a word without vowels an initial y or w is always a
 * consonant, whatever follows.
 */
export function foldSound(text: string, unvowelled = false): string {
  if (unvowelled && text.startsWith('y')) {
    return `y${foldSound(text.slice(1))}`;
  }
  const known = folded.get(text);
  if (known !== undefined) {
    return known;
  }
  let sound = text;
  for (const [pattern, replacement] of digraphs) {
    sound = sound.replace(pattern, replacement);
  }
  if (text.length <= foldedLettersMax) {
    if (folded.size >= foldedMax) {
      folded.clear();
    }
    folded.set(text, sound);
  }
  return sound;
}

/** The same words come again and again, and folding is a run of replacements: a word or two are remembered. */
const folded = new Map<string, string>();
const foldedMax = 60_000;
const foldedLettersMax = 24;

/**
 * Consonants only, for spellings of scripts that write no vowels. A leading vowel is kept as a mark;
 * semivowels and breathings go, since transliterations add and drop them.
 */
export function consonantSkeleton(sound: string): string {
  const first = sound.charAt(0);
  const rest = sound.slice(1).replace(/[aeiouhvwy]/gu, '');
  return (/[aeiou]/u.test(first) ? 'a' : first) + rest.replace(/(.)\1+/gu, '$1');
}

/** Keys under which a word is found when it is misspelt in its vowels: bounded by construction. */
export function phoneticKey(sound: string): string {
  const first = sound.charAt(0);
  const rest = sound.slice(1).replace(/[aeiou]/gu, '');
  const key = (/[aeiou]/u.test(first) ? 'a' : first) + rest;
  return key
    .replace(/[SCzj]/gu, 's')
    .replace(/[gk]/gu, 'k')
    .replace(/[dt]/gu, 't')
    .replace(/[pb]/gu, 'p')
    .replace(/[fv]/gu, 'f')
    .replace(/(.)\1+/gu, '$1');
}

const vowels = new Set('aeiou');
const near = new Set(
  [
    'hk',
    'Ss',
    'SC',
    'Cj',
    'Ck',
    'Cs',
    'zs',
    'zd',
    'zj',
    'zC',
    'bp',
    'dt',
    'gk',
    'fv',
    'gj',
    'ij',
    'jh',
    'gh',
    'vb',
    'uv',
    'Sj',
    'ov',
  ].flatMap((pair) => [pair, pair.charAt(1) + pair.charAt(0)]),
);

const rowSize = 96;
const rows = [new Float64Array(rowSize), new Float64Array(rowSize), new Float64Array(rowSize)] as const;

/** Which letters a word contains, as bits: two words far apart here cannot be close in distance. */
export function letterMask(sound: string): number {
  let mask = 0;
  for (let index = 0; index < sound.length; index += 1) {
    const code = sound.charCodeAt(index) | 32;
    mask |= 1 << (code >= 97 && code <= 122 ? code - 97 : 26 + (code % 6));
  }
  return mask;
}

/** Letters that only one of two masks has. */
export function maskDifference(left: number, right: number): number {
  let bits = left ^ right;
  bits -= (bits >>> 1) & 0x55555555;
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

/**
 * Optimal string alignment distance in which vowels, like-sounding consonants and swapped neighbours cost
 * less than a real difference.
 * @shape the distance, or Infinity as soon as it must exceed `limit`
 */
export function soundDistance(left: string, right: string, limit: number): number {
  const width = right.length;
  if (left.length >= rowSize || width >= rowSize || Math.abs(left.length - width) * 0.4 > limit) {
    return Number.POSITIVE_INFINITY;
  }
  let [before, previous, current] = rows as unknown as [Float64Array, Float64Array, Float64Array];
  previous[0] = 0;
  for (let column = 1; column <= width; column += 1) {
    previous[column] = (previous[column - 1] as number) + gapCost(right.charCodeAt(column - 1));
  }
  let bestBefore = 0;
  for (let row = 1; row <= left.length; row += 1) {
    const code = left.charCodeAt(row - 1);
    current[0] = (previous[0] as number) + gapCost(code);
    let best = current[0] as number;
    for (let column = 1; column <= width; column += 1) {
      const other = right.charCodeAt(column - 1);
      let cost = (previous[column - 1] as number) + (code === other ? 0 : swapCost(code, other));
      cost = Math.min(cost, (previous[column] as number) + gapCost(code));
      cost = Math.min(cost, (current[column - 1] as number) + gapCost(other));
      if (
        row > 1 &&
        column > 1 &&
        code === right.charCodeAt(column - 2) &&
        other === left.charCodeAt(row - 2) &&
        code !== other
      ) {
        cost = Math.min(cost, (before[column - 2] as number) + 0.5);
      }
      current[column] = cost;
      best = Math.min(best, cost);
    }
    // A swap reaches back two rows, so one row above the limit proves nothing yet.
    if (best > limit && bestBefore > limit) {
      return Number.POSITIVE_INFINITY;
    }
    bestBefore = best;
    [before, previous, current] = [previous, current, before];
  }
  const distance = previous[width] as number;
  return distance > limit ? Number.POSITIVE_INFINITY : distance;
}

const gapCosts = new Float64Array(128).fill(1);
for (const vowel of vowels) {
  gapCosts[vowel.charCodeAt(0)] = 0.5;
}
gapCosts['h'.charCodeAt(0)] = 0.4;

const swapCosts = new Float64Array(128 * 128).fill(1);
for (const one of vowels) {
  for (const other of vowels) {
    swapCosts[one.charCodeAt(0) * 128 + other.charCodeAt(0)] = 0.5;
  }
}
for (const pair of near) {
  swapCosts[pair.charCodeAt(0) * 128 + pair.charCodeAt(1)] = 0.5;
}

function gapCost(code: number): number {
  return gapCosts[code & 127] as number;
}

function swapCost(left: number, right: number): number {
  return swapCosts[(left & 127) * 128 + (right & 127)] as number;
}

/**
 * Distance between a word whose script writes long vowels only and a Latin spelling of it: a vowel the
 * script does not write is nearly free, a letter it does write must find its counterpart.
 * @shape the distance, or Infinity as soon as it must exceed `limit`
 */
export function unvowelledDistance(written: string, latin: string, limit: number): number {
  const width = latin.length;
  if (written.length >= rowSize || width >= rowSize) {
    return Number.POSITIVE_INFINITY;
  }
  let [previous, current] = rows as unknown as [Float64Array, Float64Array];
  previous[0] = 0;
  for (let column = 1; column <= width; column += 1) {
    previous[column] = (previous[column - 1] as number) + unwrittenCost(latin, column - 1);
  }
  for (let row = 1; row <= written.length; row += 1) {
    const letter = written.charAt(row - 1);
    current[0] = (previous[0] as number) + unspokenCost(letter);
    let best = current[0] as number;
    for (let column = 1; column <= width; column += 1) {
      const cost = Math.min(
        (previous[column - 1] as number) + spokenCost(letter, latin.charAt(column - 1)),
        (previous[column] as number) + unspokenCost(letter),
        (current[column - 1] as number) + unwrittenCost(latin, column - 1),
      );
      current[column] = cost;
      best = Math.min(best, cost);
    }
    if (best > limit) {
      return Number.POSITIVE_INFINITY;
    }
    [previous, current] = [current, previous];
  }
  const distance = previous[width] as number;
  return distance > limit ? Number.POSITIVE_INFINITY : distance;
}

function unwrittenCost(latin: string, index: number): number {
  const letter = latin.charAt(index);
  if (!vowels.has(letter)) {
    return letter === 'h' ? 0.4 : 1;
  }
  return index === 0 ? 0.5 : 0.12;
}

function unspokenCost(letter: string): number {
  switch (letter) {
    case 'a':
    case 'h':
      return 0.3;
    case 'v':
    case 'i':
    case 'y':
      return 0.4;
    default:
      return 1;
  }
}

const longVowels: Readonly<Record<string, string>> = { a: 'aeiou', v: 'uo', i: 'ie', y: 'ie' };

function spokenCost(letter: string, latin: string): number {
  if (letter === latin) {
    return 0;
  }
  const spoken = longVowels[letter];
  if (spoken !== undefined && vowels.has(latin)) {
    return letter === 'a' ? 0.1 : spoken.includes(latin) ? 0 : 0.3;
  }
  return swapCost(letter.charCodeAt(0), latin.charCodeAt(0)) < 1 ? 0.4 : 1;
}
