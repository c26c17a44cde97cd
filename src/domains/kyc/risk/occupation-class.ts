/** What an occupation is called when it is rated; the words an applicant wrote stay in their declaration. */
const CLASSES: readonly (readonly [string, RegExp])[] = [
  ['arms', /\b(arms?|weapons?|defen[cs]e contractor|munitions?)\b/u],
  ['gambling', /\b(casino|gambling|betting|bookmaker|gaming operator)\b/u],
  [
    'public_office',
    /\b(minister|senator|parliament\w*|ambassador|judge|magistrate|politician|mayor|head of state|governor)\b/u,
  ],
  [
    'money_services',
    /\b(money (changer|transfer|service)\w*|remittance|pawn\w*|bureau de change|crypto\w* (dealer|exchange|broker))\b/u,
  ],
  [
    'precious_goods',
    /\b(jewell?er\w*|gold|diamonds?|gem\w*|art (dealer|gallery)|antiques?|precious metals?)\b/u,
  ],
  [
    'cash_intensive',
    /\b(restaurant|bar owner|nightclub|taxi|car (dealer|wash)|scrap|laundr\w*|street vendor|market trader|import(er)?|exporter?)\b/u,
  ],
  ['retired', /\b(retired|pensioner)\b/u],
  ['student', /\b(student|pupil|apprentice)\b/u],
  ['without_income', /\b(unemployed|housewife|homemaker|jobless|none)\b/u],
  [
    'salaried',
    /\b(engineer|teacher|nurse|doctor|physician|accountant|clerk|manager|developer|programmer|lawyer|civil servant|officer|analyst|consultant|architect|pharmacist|lecturer|professor|technician|salaried|employee|driver|secretary|designer)\b/u,
  ],
];

/** The classes of an occupation, each that its words name; `other` where none does, none where nothing is said. */
export function occupationClasses(said: string): readonly string[] {
  const words = said.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim();
  if (!/\p{L}{2}/u.test(words)) {
    return [];
  }
  const found = CLASSES.filter(([, pattern]) => pattern.test(words)).map(([name]) => name);
  return found.length === 0 ? ['other'] : found;
}
