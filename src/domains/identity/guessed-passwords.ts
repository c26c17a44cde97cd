/**
 * Whether a password is among those guessed first. Pure: the list comes from the caller. A published
 * list has few entries of twelve characters and more, since few people choose them; what guessing tries
 * at that length is its words, decorated, spelt with digits, or said twice. So each word stands for its
 * family. What it does not do: estimate strength, or refuse a passphrase because it holds common words.
 */

/** As much decoration as guessing covers; what is longer carries the strength itself. */
const MOST_DECORATION = 8;

/** A password that is nothing but words about its owner and this many characters more is guessed. */
const LEAST_BESIDES_CONTEXT = 8;

/** Digits alone are dates and telephone numbers until there are this many. */
const LEAST_DIGITS = 20;

/** What a list of short passwords lacks: what the rule "at least twelve characters" brings forth. */
const OWN_ENTRIES = `
changemenow changemeplease letmeinplease welcometothe superadmin adminadmin rootroot testpassword demopassword
defaultpassword mypassword thisismypassword thisisapassword mypasswordis mysecretpassword masterpassword
nopassword idontknow temppassword iloveyousomuch iloveyoubaby loveyouforever ihateyou happybirthday goodmorning
helloworld opensesame maytheforcebewithyou correcthorsebatterystaple jesuslovesme jesusislord jesuschrist
godisgood 1q2w3e4r5t6y7u 1q2w3e4r5t6y7u8i a1b2c3d4e5f6 987654321098 147258369147 147852369147 741852963741
manchesterunited liverpoolfc bitcoin ethereum cryptocurrency trading trader investor investment brokerage
mauritius maurice ilemaurice morisien portlouis curepipe quatrebornes rosehill vacoas phoenix grandbaie
flicenflac rodrigues chamarel lemorne pamplemousses blackriver tamarin rivierenoire dodo plimsoll
`;

const OWN = new Set(OWN_ENTRIES.trim().split(/\s+/));

export type GuessContext = {
  /** Common passwords in lower case. */
  readonly common: ReadonlySet<string>;
  /** What a guesser knows of the person and the firm, as they spell it. */
  readonly words: readonly string[];
};

/** Whether a password is a common one, a family member of one, a row of keys, or made of the context. */
export function isGuessedPassword(password: string, { common, words }: GuessContext): boolean {
  const lower = password.toLowerCase();
  const isListed = (text: string): boolean => common.has(text) || OWN.has(text);
  return (
    isPattern(lower) ||
    coresOf(lower).some((core) => spellingsOf(core).some((word) => isListed(word) || isListed(part(word)))) ||
    isMadeOf(lower, contextWords(words))
  );
}

/** Few characters, one short part again and again, nothing but digits, or a row of keys. */
function isPattern(lower: string): boolean {
  return (
    new Set(lower).size < 4 ||
    part(lower).length * 3 <= lower.length ||
    (/^\d+$/.test(lower) && lower.length < LEAST_DIGITS) ||
    KEY_ROWS.some((row) => row.includes(lower))
  );
}

/** What may be the word: the password with up to so many digits and marks taken off before and behind. */
function coresOf(lower: string): readonly string[] {
  const before = Math.min(/^[^\p{L}]*/u.exec(lower)?.[0].length ?? 0, MOST_DECORATION);
  const behind = Math.min(/[^\p{L}]*$/u.exec(lower)?.[0].length ?? 0, MOST_DECORATION);
  const cores: string[] = [];
  for (let head = 0; head <= before; head += 1) {
    for (let tail = 0; tail <= Math.min(behind, MOST_DECORATION - head); tail += 1) {
      cores.push(lower.slice(head, lower.length - tail));
    }
  }
  return cores;
}

/** The word as it is, and with the digits and marks that stand for letters read as letters. */
function spellingsOf(word: string): readonly string[] {
  const read = (one: string) => word.replace(/[@4831!0$57]/g, (mark) => LOOKALIKES[mark] ?? one);
  return [word, read('i'), read('l')];
}

const LOOKALIKES: Readonly<Record<string, string>> = {
  '@': 'a',
  '4': 'a',
  '8': 'b',
  '3': 'e',
  '0': 'o',
  $: 's',
  '5': 's',
  '7': 't',
};

/** The part a text repeats from beginning to end, or the text itself. */
function part(text: string): string {
  const length = (text + text).indexOf(text, 1);
  return text.slice(0, length);
}

/** Words of three characters and more, the parts of an address and of a name each on their own. */
function contextWords(words: readonly string[]): readonly string[] {
  const parts = words.flatMap((word) => {
    const lower = word.normalize('NFKC').toLowerCase();
    return [lower.replace(/\s+/gu, ''), ...lower.split(/[^\p{L}\p{N}]+/u)];
  });
  return [...new Set(parts)]
    .filter((part) => part.length >= 3)
    .sort((left, right) => right.length - left.length);
}

function isMadeOf(lower: string, words: readonly string[]): boolean {
  const rest = words.reduce((text, word) => text.replaceAll(word, ''), lower);
  return rest !== lower && rest.length < LEAST_BESIDES_CONTEXT;
}

const KEY_ROWS = ['qwertyuiopasdfghjklzxcvbnm', 'qwertzuiopasdfghjklyxcvbnm', 'azertyuiopqsdfghjklmwxcvbn']
  .flatMap((row) => [row, [...row].reverse().join(''), `${row}1234567890`, `1234567890${row}`])
  .concat([
    'abcdefghijklmnopqrstuvwxyz0123456789',
    'zyxwvutsrqponmlkjihgfedcba',
    '012345678901234567890123456789',
    '098765432109876543210987654321',
  ]);
