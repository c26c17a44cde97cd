import { type ProblemTable, refusals } from '../../kernel/error.ts';
import { APPLICATION_PROBLEMS } from './applications/errors.ts';
import { DOCUMENT_PROBLEMS } from './documents/errors.ts';
import { PROVIDER_PROBLEMS } from './providers/errors.ts';
import { REVIEW_PROBLEMS } from './review/errors.ts';
import { CUSTOMER_REVIEW_PROBLEMS } from './reviews/errors.ts';
import { RISK_PROBLEMS } from './risk/errors.ts';

/** Refusals of KYC. */
export const KYC_PROBLEMS = {
  ...APPLICATION_PROBLEMS,
  ...DOCUMENT_PROBLEMS,
  ...REVIEW_PROBLEMS,
  ...RISK_PROBLEMS,
  ...PROVIDER_PROBLEMS,
  ...CUSTOMER_REVIEW_PROBLEMS,
} as const satisfies ProblemTable;

/** Throws a KYC refusal. */
export const refuseKyc = refusals(KYC_PROBLEMS);
