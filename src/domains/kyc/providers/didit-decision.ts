/**
 * What a decision of Didit says. It guarantees that nothing is read from what does not fit its shape. Which members
 * of a check are read beyond those named in its contract is our reading of it; whatever is missing is simply not known.
 * @source Didit API v3: GET /v3/session/{id}/decision/
 */
import { z } from 'zod';
import type { Json } from '../../../kernel/canonical-json.ts';
import type {
  DocumentType,
  ProviderClaims,
  ProviderDecision,
  ProviderImage,
  SaidOfDocument,
  SessionStatus,
} from './kyc-provider.ts';

const IMAGES_MAX = 12;

const STATUSES: Readonly<Record<string, SessionStatus>> = {
  'Not Started': 'not_started',
  'In Progress': 'in_progress',
  'Awaiting User': 'awaiting_user',
  'In Review': 'in_review',
  Approved: 'approved',
  Declined: 'declined',
  Resubmitted: 'resubmitted',
  Abandoned: 'abandoned',
  Expired: 'expired',
  'Kyc Expired': 'expired',
};

const text = z.string().max(2_000);
const optional = text.nullish().catch(null);
const Check = z.looseObject({
  status: optional,
  document_type: optional,
  document_number: optional,
  issuing_state: optional,
  first_name: optional,
  last_name: optional,
  date_of_birth: optional,
  nationality: optional,
  gender: optional,
  expiration_date: optional,
  date_of_issue: optional,
  issue_date: optional,
  mrz: z
    .union([text, z.looseObject({ mrz_string: optional })])
    .nullish()
    .catch(null),
  warnings: z
    .array(z.looseObject({ risk: optional }))
    .nullish()
    .catch(null),
});
type Check = z.infer<typeof Check>;

const checks = z.array(Check).max(20).nullish().catch(null);
const Decision = z.looseObject({
  session_id: optional,
  vendor_data: optional,
  status: text,
  id_verifications: checks,
  liveness_checks: checks,
  face_matches: checks,
  poa_verifications: checks,
  aml_screenings: checks,
  ip_analyses: checks,
});
type Decision = z.infer<typeof Decision>;

const FEATURES = [
  'id_verifications',
  'liveness_checks',
  'face_matches',
  'poa_verifications',
  'aml_screenings',
  'ip_analyses',
] as const;
type Feature = (typeof FEATURES)[number];

type Picture = {
  readonly feature: Feature;
  readonly member: string;
  readonly typeOf: (check: Check) => DocumentType;
  readonly said: (check: Check) => SaidOfDocument;
};

/** Which members of a check are pictures, and what each becomes. */
const PICTURES: readonly Picture[] = [
  {
    feature: 'id_verifications',
    member: 'front_image',
    typeOf: documentTypeOf,
    said: (check) => ({ ...saidOfIdentity(check), side: 'front' }),
  },
  {
    feature: 'id_verifications',
    member: 'back_image',
    typeOf: documentTypeOf,
    said: (check) => ({ ...saidOfIdentity(check), side: 'back' }),
  },
  { feature: 'id_verifications', member: 'portrait_image', typeOf: () => 'selfie', said: () => ({}) },
  { feature: 'liveness_checks', member: 'reference_image', typeOf: () => 'selfie', said: () => ({}) },
  {
    feature: 'poa_verifications',
    member: 'document_file',
    typeOf: () => 'proof_of_address',
    said: (check) => ({ issuedOn: dayIn(check.issue_date) }),
  },
];

/** What Didit calls the state of a session. */
export function diditStatus(said: string): SessionStatus {
  return STATUSES[said] ?? 'unknown';
}

/** Reads an answer, as it came or as it was kept; undefined for what is no decision on this session. */
export function readDiditDecision(answer: Json, sessionRef: string): ProviderDecision | undefined {
  const read = Decision.safeParse(answer);
  if (!read.success || (read.data.session_id ?? sessionRef) !== sessionRef) {
    return undefined;
  }
  const { data } = read;
  return {
    sessionRef,
    applicationId: data.vendor_data ?? undefined,
    status: diditStatus(data.status),
    claims: (data.id_verifications ?? []).map(claimsOf),
    warnings: warningsOf(data),
    images: imagesOf(data),
    answer: withoutAddresses(answer),
  };
}

/** What is kept of an answer: its addresses open pictures to whoever has them, and are others each time. */
function withoutAddresses(value: Json): Json {
  if (typeof value === 'string') {
    return /^https?:/i.test(value) ? '(an address)' : value;
  }
  if (Array.isArray(value)) {
    return value.map(withoutAddresses);
  }
  return value === null || typeof value !== 'object'
    ? value
    : Object.fromEntries(
        Object.entries(value).map(([name, member]) => [name, withoutAddresses(member ?? null)]),
      );
}

function claimsOf(check: Check): ProviderClaims {
  const { number, issuingCountry, expiresOn } = saidOfIdentity(check);
  return {
    firstName: check.first_name ?? undefined,
    lastName: check.last_name ?? undefined,
    birthDate: dayIn(check.date_of_birth),
    nationality: check.nationality ?? undefined,
    gender: genderOf(check.gender),
    documentNumber: number,
    issuingCountry,
    expiresOn,
  };
}

function saidOfIdentity(check: Check): SaidOfDocument {
  return {
    number: check.document_number ?? undefined,
    issuingCountry: check.issuing_state ?? undefined,
    issuedOn: dayIn(check.date_of_issue),
    expiresOn: dayIn(check.expiration_date),
    mrz: zoneOf(check.mrz),
  };
}

function dayIn(said: string | null | undefined): string | undefined {
  return said?.slice(0, 10);
}

function genderOf(said: string | null | undefined): 'female' | 'male' | undefined {
  if (said === 'F') {
    return 'female';
  }
  return said === 'M' ? 'male' : undefined;
}

/** How long all lines of a zone are together, and how long each is. */
const ZONES: ReadonlyMap<number, number> = new Map([
  [90, 30],
  [72, 36],
  [88, 44],
]);

/** The lines of a zone, also where they come as one. What was only taken apart is no zone. */
function zoneOf(said: Check['mrz']): string | undefined {
  const text = typeof said === 'object' && said !== null ? said.mrz_string : said;
  const plain = (text ?? '').replaceAll(/\s/g, '');
  const width = ZONES.get(plain.length);
  return width === undefined ? undefined : plain.match(new RegExp(`.{${width}}`, 'g'))?.join('\n');
}

function documentTypeOf({ document_type }: Check): DocumentType {
  const said = (document_type ?? '').toLowerCase();
  if (said.includes('passport')) {
    return 'passport';
  }
  if (said.includes('driv')) {
    return 'driving_licence';
  }
  return said.includes('residence') ? 'residence_permit' : 'national_id';
}

/** Codes alone: what a check says in words may name somebody. */
function warningsOf(decision: Decision): readonly string[] {
  const found = FEATURES.flatMap((feature) =>
    (decision[feature] ?? []).flatMap(({ status, warnings }) => [
      ...(status === 'Declined' ? [`declined:${feature}`] : []),
      ...(status === 'In Review' ? [`in_review:${feature}`] : []),
      ...(warnings ?? []).flatMap(({ risk }) =>
        risk && /^[A-Z0-9_]{1,60}$/.test(risk) ? [`warning:${risk}`] : [],
      ),
    ]),
  );
  return [...new Set(found)].sort().slice(0, 50);
}

function imagesOf(decision: Decision): readonly ProviderImage[] {
  const found = PICTURES.flatMap(({ feature, member, typeOf, said }) =>
    (decision[feature] ?? []).flatMap((check, at) => {
      const url = check[member];
      return typeof url === 'string' && url !== '' && url.length <= 4_000
        ? [{ name: `${feature}.${at}.${member}`, url, type: typeOf(check), said: said(check) }]
        : [];
    }),
  );
  return found.slice(0, IMAGES_MAX);
}
