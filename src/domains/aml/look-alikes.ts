/**
 * Letters of other scripts that look like Latin ones. Whoever writes a Latin name with some of them is read by people
 * as written in Latin, and by sound as somebody else. Pure; it says how a text looks, not who is meant.
 */

const LOOK_ALIKES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    A: '\u0410\u0391',
    B: '\u0412\u0392',
    C: '\u0421\u03F9',
    D: '\u0500',
    E: '\u0415\u0401\u0395',
    F: '\u03DC',
    G: '\u050C',
    H: '\u041D\u0397\u04A2',
    I: '\u0406\u0407\u04C0\u0399',
    J: '\u0408\u037F',
    K: '\u041A\u039A\u049A',
    M: '\u041C\u039C',
    N: '\u039D',
    O: '\u041E\u039F',
    P: '\u0420\u03A1',
    Q: '\u051A',
    S: '\u0405',
    T: '\u0422\u03A4',
    U: '\u054D',
    V: '\u0474',
    W: '\u051C',
    X: '\u0425\u03A7\u04B2',
    Y: '\u0423\u04AE\u03A5',
    Z: '\u0396',
    a: '\u0430\u03B1',
    b: '\u0432\u044C\u03B2',
    c: '\u0441\u03F2',
    d: '\u0501',
    e: '\u0435\u0451\u0454\u03B5',
    g: '\u0581',
    h: '\u04BB\u043D\u0570',
    i: '\u0456\u0457\u03B9',
    j: '\u0458\u03F3',
    k: '\u043A\u03BA',
    l: '\u04CF',
    m: '\u043C',
    n: '\u03B7\u043F\u0578',
    o: '\u043E\u03BF\u03C3\u0585',
    p: '\u0440\u03C1',
    q: '\u051B\u0566',
    r: '\u0433',
    s: '\u0455',
    t: '\u0442\u03C4',
    u: '\u03C5\u057D\u0446',
    v: '\u03BD\u0475',
    w: '\u051D\u03C9\u0448\u0461',
    x: '\u0445\u03C7',
    y: '\u0443\u04AF\u03B3',
  }).flatMap(([latin, letters]) => [...letters].map((letter) => [letter, latin] as const)),
);

const WORD = /[\p{L}\p{M}]+/gu;
const LATIN = /\p{Script=Latin}/u;
const LIKE_LATIN = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}]/u;

/**
 * A text with every look-alike as the Latin letter it looks like. Words of another script that have a letter of their
 * own stay as they are; where a text has no Latin letter at all, that is then true of all of it.
 * @shape undefined where it looks like nothing else than it is
 */
export function inLatinLookAlikes(text: string): string | undefined {
  if (!LIKE_LATIN.test(text)) {
    return undefined;
  }
  const seen = text.replace(WORD, (word) => {
    const letters = [...word].map((letter) => LOOK_ALIKES.get(letter) ?? letter);
    return letters.some((letter) => LIKE_LATIN.test(letter)) ? word : letters.join('');
  });
  const isMixed = LATIN.test(text);
  return seen === text || (!isMixed && LIKE_LATIN.test(seen)) ? undefined : seen;
}
