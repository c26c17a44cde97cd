import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of KYC. */
export const KYC_PROBLEMS = {
  application_open: { status: 409, title: 'An application is already open' },
  application_not_editable: { status: 409, title: 'The application can no longer be changed' },
  application_not_submitted: { status: 409, title: 'The application is not waiting for a decision' },
  documents_missing: { status: 422, title: 'Documents that this level needs are missing' },
  document_type_unsupported: { status: 415, title: 'The file is not a PDF, JPEG or PNG' },
  document_limit_reached: { status: 409, title: 'The application holds as many documents as it may' },
  birth_date_implausible: { status: 422, title: 'Nobody can have been born on that date' },
  level_unknown: { status: 422, title: 'The level is not offered' },
  screening_not_clear: { status: 409, title: 'The applicant has not been screened clear' },
  self_review: { status: 403, title: 'Nobody decides on their own application' },
} as const satisfies ProblemTable;

/** Throws a KYC refusal. */
export const refuseKyc = refusals(KYC_PROBLEMS);
