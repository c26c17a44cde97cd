/**
 * What a KYC application needs before it may be handed in and decided. Pure: the rows come in, a
 * decision with its reason goes out. It does not judge whether a document is genuine.
 */
import { withoutInvisible } from '../../kernel/invisible.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Gate, PersonName } from '../identity/index.ts';
import type { kycApplicationStatus } from './schema.ts';

export type ApplicationStatus = (typeof kycApplicationStatus.enumValues)[number];

export const MAX_DOCUMENTS = 20;

const EARLIEST_DAY = '1900-01-01';

const LATEST_DAY = '2199-12-31';

/** What a reviewer's attention is drawn to. */
export const REVIEW_NOTICES = [
  'name_differs_from_profile',
  'document_expired',
  'document_number_seen_elsewhere',
  'document_file_seen_elsewhere',
  'person_seen_elsewhere',
  'company_seen_elsewhere',
  'party_seen_elsewhere',
  'barred_person_seen_elsewhere',
  'rejected_before',
  'pep_declared_and_denied',
  'us_indicia_contradict',
  'tax_residence_differs',
  'ownership_dispersed',
  'ownership_in_trust',
  'owner_listed',
  'number_unknown',
  'expiry_unknown',
  'issue_date_unknown',
  'image_small',
  'mrz_name_differs',
  'mrz_birth_date_differs',
  'mrz_sex_differs',
  'mrz_nationality_differs',
  'mrz_issuer_differs',
  'mrz_number_differs',
  'mrz_expiry_differs',
  'mrz_type_differs',
  'provider_declined',
  'provider_name_differs',
  'provider_birth_date_differs',
  'provider_nationality_differs',
  'provider_document_expired',
  'provider_warned',
] as const;

/** Types of document that name one person, by a number and until a day. */
const IDENTITY_TYPES: ReadonlySet<string> = new Set([
  'passport',
  'national_id',
  'driving_licence',
  'residence_permit',
]);

/** Whether a document of this type names one person. */
export function isIdentity(type: string): boolean {
  return IDENTITY_TYPES.has(type);
}

/** The day of an instant. @units YYYY-MM-DD, UTC */
export function dayOf(instant: Instant): string {
  return instant.slice(0, 10);
}

/** Whether a document's last day is over. @units today YYYY-MM-DD */
export function isExpired(document: { readonly expiresOn: string | null }, today: string): boolean {
  return document.expiresOn !== null && document.expiresOn < today;
}

/** Whether somebody born then can be alive and born. @units YYYY-MM-DD */
export function isPlausibleBirthDate(birthDate: string, today: string): boolean {
  return EARLIEST_DAY <= birthDate && birthDate < today;
}

/**
 * Whether a document, or somebody, can be of that day; the database bounds documents likewise.
 * @units day YYYY-MM-DD
 */
export function isPlausibleDay(day: string): boolean {
  return EARLIEST_DAY <= day && day <= LATEST_DAY;
}

/**
 * A document number as equality search compares it: an upper-case spelling without spaces, dashes and other
 * signs, whatever kind of document it is said to be of.
 */
export function comparableNumber(number: string): string {
  return withoutInvisible(number.normalize('NFKC'))
    .toUpperCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}

/** Whether two spellings are one name, apart from case and white space. */
export function isSameName(left: PersonName, right: PersonName): boolean {
  return comparableName(left) === comparableName(right);
}

/**
 * What equality search compares of a person: their names without accents, case, order and signs, and the day they
 * were born.
 * @units birthDate YYYY-MM-DD
 */
export function comparablePerson(name: PersonName, birthDate: string): string {
  const words = withoutInvisible(`${name.firstName} ${name.lastName}`.normalize('NFKD'))
    .replace(/\p{M}/gu, '')
    .toUpperCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
  return `${words.toSorted().join(' ')}\0${birthDate}`;
}

/**
 * What the gate's screening becomes when an application is handed in: what was screened before says nothing
 * about what is declared now, but a confirmed hit stays confirmed.
 */
export function screeningAfterSubmission(current: Gate['screening']): Gate['screening'] {
  return current === 'confirmed' ? 'confirmed' : 'none';
}

/** Whether the applicant may still change it. */
export function isEditable(status: ApplicationStatus): boolean {
  return status === 'draft' || status === 'resubmission_required';
}

/** Whether it waits for a reviewer. */
export function isDecidable(status: ApplicationStatus): boolean {
  return status === 'submitted' || status === 'under_review';
}

/** Approval waits for a clear screening; an unknown gate value refuses. */
export function approvalWaitsFor(gate: Pick<Gate, 'screening'> | undefined): 'screening_not_clear' | null {
  return gate?.screening === 'clear' ? null : 'screening_not_clear';
}

function comparableName({ firstName, lastName }: PersonName): string {
  const seen = withoutInvisible(`${firstName} ${lastName}`.normalize('NFKC'));
  return seen.toLowerCase().replace(/\s+/gu, ' ').trim();
}
