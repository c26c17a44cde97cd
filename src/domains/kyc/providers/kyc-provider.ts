/**
 * The port of providers of identity checks: a session in which an applicant shows themselves, what the provider made
 * of it, and the events that tell of it. No provider decides on anybody: what it says is evidence for a reviewer.
 * The manual provider has no sessions: the applicant uploads and a reviewer looks.
 */
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Deps } from '../../../platform/context.ts';
import type { DeclarationInput } from '../api.ts';
import type { kycDocumentType } from '../schema.ts';

/** What a picture is, as documents are called. */
export type DocumentType = (typeof kycDocumentType.enumValues)[number];

export const SESSION_STATUSES = [
  'not_started',
  'in_progress',
  'awaiting_user',
  'in_review',
  'approved',
  'declined',
  'resubmitted',
  'abandoned',
  'expired',
  'unknown',
] as const;

export type SessionStatus = (typeof SESSION_STATUSES)[number];

/** `unavailable` may be tried again, `refused` and `malformed` are ours or theirs to repair. */
export type ProviderFailure = 'unavailable' | 'rate_limited' | 'refused' | 'malformed' | 'not_found';

export type ProviderAnswer<Value> =
  | { readonly ok: true; readonly value: Value }
  | {
      readonly ok: false;
      readonly failure: ProviderFailure;
      /** How long the provider asks to be left alone. @units ms */
      readonly retryAfterMs?: number;
    };

export type NewSession = {
  readonly applicationId: Id;
  readonly declaration: DeclarationInput;
  /** Where the applicant comes back to. */
  readonly callback: string;
};

export type ProviderSession = {
  readonly sessionRef: string;
  readonly url: string;
  readonly status: SessionStatus;
};

/** What a provider says of the document in a picture, as it came; whoever keeps it looks at whether it fits. */
export type SaidOfDocument = {
  readonly number?: string | undefined;
  readonly issuingCountry?: string | undefined;
  readonly issuedOn?: string | undefined;
  readonly expiresOn?: string | undefined;
  readonly side?: 'front' | 'back' | undefined;
  /** The lines of its machine-readable zone. */
  readonly mrz?: string | undefined;
};

/** A picture the provider shows for a while. */
export type ProviderImage = {
  /** Its place in the answer, such as `id_verifications.0.front_image`. */
  readonly name: string;
  readonly url: string;
  readonly type: DocumentType;
  readonly said: SaidOfDocument;
};

/** What a provider read off one document; every member may be missing. @units dates YYYY-MM-DD, countries alpha-3 */
export type ProviderClaims = {
  readonly firstName?: string | undefined;
  readonly lastName?: string | undefined;
  readonly birthDate?: string | undefined;
  readonly nationality?: string | undefined;
  readonly gender?: 'female' | 'male' | undefined;
  readonly documentNumber?: string | undefined;
  readonly issuingCountry?: string | undefined;
  readonly expiresOn?: string | undefined;
};

export type ProviderDecision = {
  readonly sessionRef: string;
  /** What we named it when the session was made. */
  readonly applicationId: string | undefined;
  readonly status: SessionStatus;
  /** One for each identity document that was shown. */
  readonly claims: readonly ProviderClaims[];
  /** What the provider itself found wrong; codes. */
  readonly warnings: readonly string[];
  readonly images: readonly ProviderImage[];
  /** The answer as it came, which is kept sealed. */
  readonly answer: Json;
};

export type ProviderEvent = {
  readonly eventId: string;
  readonly sessionRef: string;
  readonly type: string;
  readonly applicationId: string;
};

/** The headers a provider's events are signed in, by their lower-case names. */
export type EventHeaders = Readonly<Record<string, string | undefined>>;

export type KycProvider = {
  readonly name: string;
  readonly createSession: (deps: Deps, session: NewSession) => Promise<ProviderAnswer<ProviderSession>>;
  readonly fetchDecision: (deps: Deps, sessionRef: string) => Promise<ProviderAnswer<ProviderDecision>>;
  readonly isSigned: (deps: Deps, headers: EventHeaders, body: Uint8Array) => boolean;
  readonly readEvent: (body: Uint8Array) => ProviderEvent | undefined;
};
