import type { ProblemTable } from '../../../kernel/error.ts';

/** Refusals of the work on reviews of customers. */
export const CUSTOMER_REVIEW_PROBLEMS = {
  review_closed: { status: 409, title: 'The review has ended' },
  review_evidence_missing: {
    status: 422,
    title: 'What is cited was not approved after the review began, or does not renew what it is about',
  },
  review_changed: { status: 409, title: 'The review is not what was agreed to, or the risk is another' },
  review_not_waivable: {
    status: 409,
    title: 'Nobody is let out of a review while the firm does not serve customers of their risk',
  },
} as const satisfies ProblemTable;
