import type { ProblemTable } from '../../../kernel/error.ts';

/** Refusals of the review. */
export const REVIEW_PROBLEMS = {
  application_not_submitted: { status: 409, title: 'The application is not waiting for a decision' },
  screening_not_clear: { status: 409, title: 'The applicant has not been screened clear' },
  items_sent_back: { status: 409, title: 'Something was sent back and not shown again' },
  items_missing: { status: 409, title: 'The risk rose since, and nothing shows what it asks for' },
  item_unknown: { status: 422, title: 'The application has no such item' },
  expiry_known: { status: 409, title: 'The document says until when it is good, or none shows the item' },
  application_changed: { status: 409, title: 'The application is not what was agreed to' },
  application_awaits_senior: { status: 409, title: 'A senior person is deciding on the application' },
  assignee_unsuitable: { status: 422, title: 'The assignee does not review applications' },
  risk_not_rated: { status: 409, title: 'The applicant has not been rated' },
  risk_prohibited: { status: 409, title: 'The firm does not serve customers of this risk' },
  self_review: { status: 403, title: 'Nobody decides on their own application' },
} as const satisfies ProblemTable;
