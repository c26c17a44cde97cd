/**
 * Words of any script in Latin letters. Arabic and Hebrew leave their vowels out and Han signs are
 * syllables, which the comparison must know; the words say so.
 */
import anyAscii from 'any-ascii';

export type TokenRole =
  | 'core'
  | 'common'
  | 'patronymic'
  | 'initial'
  | 'number'
  | 'generic'
  | 'legal'
  | 'particle'
  | 'honorific';

export type Word = {
  text: string;
  role?: TokenRole;
  symbol?: string;
  unvowelled: boolean;
  ideographic: boolean;
  /** Read as Mandarin; the tables of Korean spellings do not apply. */
  han?: boolean;
  run?: number;
  /** The first word of what stood before the comma. */
  surname?: boolean;
};

const wordCharactersMax = 40;

const arabicScript = /\p{Script=Arabic}/u;
const hebrewScript = /\p{Script=Hebrew}/u;
const ideographs = /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}]/u;

/** The words of a run of letters in one script, in Latin letters; at most `wordCharactersMax` each. */
export function transliterate(run: string): Word[] {
  if (arabicScript.test(run)) {
    return arabicWords(run);
  }
  if (ideographs.test(run)) {
    return syllables(run);
  }
  const parts = splitCamelCase(run);
  const unvowelled = hebrewScript.test(run);
  const words: Word[] = [];
  for (const part of parts) {
    const text = plain(unvowelled ? part.replace(/\p{M}/gu, '') : part);
    if (text !== '') {
      words.push({ text: unleet(text), unvowelled, ideographic: false });
    }
  }
  return words;
}

function plain(text: string): string {
  return anyAscii(text)
    .toLowerCase()
    .replace(/[^a-z0-9]/gu, '')
    .slice(0, wordCharactersMax);
}

/** "AlisherUsmanov" lost its space; "McKesson" and "DeVries" never had one. */
function splitCamelCase(run: string): string[] {
  if (!/\p{Ll}\p{Lu}/u.test(run)) {
    return [run];
  }
  return run.split(/(?<=\p{L}{3}\p{Ll})(?=\p{Lu})/u);
}

/** Digits between letters stand for the letters they resemble. */
function unleet(text: string): string {
  const letters: Readonly<Record<string, string>> = {
    '0': 'o',
    '1': 'i',
    '3': 'e',
    '4': 'a',
    '5': 's',
    '7': 't',
  };
  return text.replace(/(?<=[a-z])[013457](?=[a-z])/gu, (digit) => letters[digit] ?? digit);
}

/** Each Han or Hangul sign is a syllable of its own in romanised spellings; kana are left together. */
function syllables(run: string): Word[] {
  const words: Word[] = [];
  for (const piece of run.match(/[\p{Script=Han}\p{Script=Hangul}]|[^\p{Script=Han}\p{Script=Hangul}]+/gu) ??
    []) {
    const text = plain(piece);
    if (text !== '') {
      words.push({ text, unvowelled: false, ideographic: true, han: !/\p{Script=Hangul}/u.test(piece) });
    }
  }
  return words;
}

const arabicLetters: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    a: 'اأإآٱع',
    b: 'ب',
    p: 'پ',
    t: 'تطټ',
    th: 'ث',
    j: 'ج',
    ch: 'چ',
    h: 'حهھۀہ',
    kh: 'خ',
    d: 'دډڈ',
    dh: 'ذ',
    r: 'رړڑ',
    z: 'زظ',
    zh: 'ژ',
    s: 'سص',
    sh: 'شښ',
    dd: 'ض',
    gh: 'غ',
    f: 'ف',
    q: 'ق',
    k: 'كکګ',
    g: 'گ',
    l: 'ل',
    m: 'م',
    n: 'نڼں',
    w: 'وؤ',
    y: 'يىیئېۍے',
    '': 'ءة',
  }).flatMap(([latin, letters]) => [...letters].map((letter) => [letter, latin])),
);

function arabicWords(run: string): Word[] {
  const bare = run.replace(/\p{M}/gu, '');
  const normal = bare
    .replace(/[أإآٱ]/gu, 'ا')
    .replace(/[ىیے]/gu, 'ي')
    .replace(/ک/gu, 'ك');
  if (normal === 'الله' || normal === 'اللة') {
    return [{ text: 'allah', unvowelled: false, ideographic: false }];
  }
  const servant = /^عبدال(.{2,})$/u.exec(normal)?.[1];
  if (servant !== undefined) {
    const rest = servant === 'له' ? arabicWords('الله') : [arabicWord(servant)];
    return [arabicWord('عبد'), ...rest];
  }
  const named = /^ال(.{2,})$/u.exec(normal)?.[1];
  if (named !== undefined) {
    return [{ text: 'al', role: 'particle', unvowelled: false, ideographic: false }, arabicWord(named)];
  }
  return [arabicWord(normal)];
}

function arabicWord(letters: string): Word {
  const mapped = [...letters].map((letter) => arabicLetters[letter] ?? plain(letter)).join('');
  return {
    text: (mapped === '' ? plain(letters) || 'a' : mapped).slice(0, wordCharactersMax),
    unvowelled: true,
    ideographic: false,
  };
}
