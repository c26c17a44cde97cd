/**
 * The machine-readable zone of a travel document as text: what it says and whether its check digits fit. It cannot
 * tell whether the text was really read off the document; a reviewer compares it with the picture.
 * @source ICAO Doc 9303, parts 4 to 6
 */
import { type Details, type FieldName, type MRZFormat, parse } from 'mrz';

const FORMATS: ReadonlySet<MRZFormat> = new Set(['TD1', 'TD2', 'TD3']);

const CHECKED: readonly FieldName[] = [
  'documentNumberCheckDigit',
  'birthDateCheckDigit',
  'expirationDateCheckDigit',
  'personalNumberCheckDigit',
  'compositeCheckDigit',
];

/** States whose code in the zone is not the one of ISO 3166-1. */
const OWN_CODES: Readonly<Record<string, string>> = {
  D: 'DEU',
  GBD: 'GBR',
  GBN: 'GBR',
  GBO: 'GBR',
  GBP: 'GBR',
  GBS: 'GBR',
};

/** How far ahead a document may expire; what lies further ahead was meant a century ago. @units years */
const EXPIRES_WITHIN = 30;

export type MrzContent = {
  readonly format: 'TD1' | 'TD2' | 'TD3';
  /** The first letters of the zone, such as P for a passport. */
  readonly documentCode: string;
  readonly documentNumber: string;
  /** As in the zone: without accents, apart by blanks, perhaps cut off. */
  readonly surname: string;
  readonly givenNames: string;
  /** @units ISO 3166-1 alpha-3 where there is one */
  readonly nationality: string;
  readonly issuingState: string;
  readonly sex: 'female' | 'male' | null;
  /** @units YYYY-MM-DD; null where the zone does not know it */
  readonly birthDate: string | null;
  readonly expiresOn: string | null;
};

export type MrzReading =
  | { readonly valid: true; readonly data: MrzContent }
  | { readonly valid: false; readonly fault: 'unreadable' | 'check_digit' };

/**
 * Reads the lines of a zone.
 * @units today YYYY-MM-DD, which tells the century of its two-digit years
 */
export function readMrz(lines: readonly string[], today: string): MrzReading {
  const parsed = parsedOrNull(lines);
  if (parsed === null || !FORMATS.has(parsed.format)) {
    return { valid: false, fault: 'unreadable' };
  }
  const wrong = parsed.details.filter(({ valid }) => !valid).map(({ field }) => field);
  if (wrong.some((field) => field !== null && CHECKED.includes(field))) {
    return { valid: false, fault: 'check_digit' };
  }
  const { fields, details } = parsed;
  const documentNumber = parsed.documentNumber ?? fields.documentNumber ?? '';
  if (documentNumber === '' || wrong.includes('lastName')) {
    return { valid: false, fault: 'unreadable' };
  }
  const raw = (field: FieldName) => rawOf(lines, details, field);
  const state = (field: FieldName) => OWN_CODES[raw(field)] ?? raw(field);
  return {
    valid: true,
    data: {
      format: parsed.format as MrzContent['format'],
      documentCode: raw('documentCode'),
      documentNumber,
      surname: fields.lastName ?? '',
      givenNames: fields.firstName ?? '',
      nationality: state('nationality'),
      issuingState: state('issuingState'),
      sex: fields.sex === 'female' || fields.sex === 'male' ? fields.sex : null,
      birthDate: birthDateOf(raw('birthDate'), today),
      expiresOn: expiryOf(raw('expirationDate'), today),
    },
  };
}

function parsedOrNull(lines: readonly string[]) {
  try {
    return parse([...lines]);
  } catch {
    // The library throws on what has no format it knows; that is an answer, not a failure.
    return null;
  }
}

/** A field as it stands in the zone: the library gives none where it does not know a state. */
function rawOf(lines: readonly string[], details: readonly Details[], field: FieldName): string {
  const range = details.find((detail) => detail.field === field)?.ranges[0];
  return range === undefined
    ? ''
    : (lines[range.line] ?? '').slice(range.start, range.end).replaceAll('<', '');
}

/** Nobody is born after today. */
function birthDateOf(digits: string, today: string): string | null {
  const recent = dateOf(digits, 2000);
  return recent !== null && recent <= today ? recent : dateOf(digits, 1900);
}

function expiryOf(digits: string, today: string): string | null {
  const soon = dateOf(digits, 2000);
  const latest = `${Number.parseInt(today.slice(0, 4), 10) + EXPIRES_WITHIN}${today.slice(4)}`;
  return soon !== null && soon <= latest ? soon : dateOf(digits, 1900);
}

function dateOf(digits: string, century: number): string | null {
  const [, year, month, day] = /^(\d\d)(\d\d)(\d\d)$/.exec(digits) ?? [];
  if (year === undefined) {
    return null;
  }
  const text = `${century + Number.parseInt(year, 10)}-${month}-${day}`;
  try {
    return Temporal.PlainDate.from(text, { overflow: 'reject' }).toString();
  } catch {
    return null;
  }
}
