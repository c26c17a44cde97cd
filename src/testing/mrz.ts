/** Machine-readable zones with the check digits of ICAO Doc 9303, for people who do not exist. */

export type ZonePerson = {
  readonly surname: string;
  readonly given: string;
  readonly number: string;
  /** @units YYMMDD */
  readonly birth: string;
  readonly expiry: string;
  readonly state?: string;
  readonly sex?: 'F' | 'M' | '<';
};

/** The two lines of a passport. */
export function passportZone(person: ZonePerson): string {
  const { surname, given, number, birth, expiry, state = 'MUS', sex = '<' } = person;
  const first = `P<${state}${surname}<<${given.replaceAll(' ', '<')}`.padEnd(44, '<');
  const numbered = withDigit(number.padEnd(9, '<'));
  const [born, ends, own] = [withDigit(birth), withDigit(expiry), withDigit(''.padEnd(14, '<'))];
  const composite = digitOf(`${numbered}${born}${ends}${own}`);
  return `${first}\n${numbered}${state}${born}${sex}${ends}${own}${composite}`;
}

function withDigit(field: string): string {
  return `${field}${digitOf(field)}`;
}

function digitOf(field: string): number {
  const weights = [7, 3, 1];
  const sum = [...field].reduce((total, letter, at) => total + weightOf(letter) * (weights[at % 3] ?? 0), 0);
  return sum % 10;
}

function weightOf(letter: string): number {
  return letter === '<' ? 0 : Number.parseInt(letter, 36);
}
