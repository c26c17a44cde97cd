import { auditEvents } from '../../../platform/audit/events.ts';

const RESTRICTED = { category: 'compliance', class: 'restricted' } as const;
const REVIEW = [
  'kind',
  'status',
  'dueAt',
  'reminded',
  'escalatedTo',
  'outcome',
  'evidenceId',
  'approvalId',
] as const;

/** What the work on reviews of customers records. */
export const CUSTOMER_REVIEW_EVENTS = auditEvents({
  'kyc_review.opened': {
    ...RESTRICTED,
    severity: 'info',
    description: 'A customer has to be looked at again',
    shows: REVIEW,
  },
  'kyc_review.reminded': {
    ...RESTRICTED,
    severity: 'info',
    description: 'A customer was reminded of what to renew',
    shows: REVIEW,
  },
  'kyc_review.assigned': {
    ...RESTRICTED,
    severity: 'info',
    description: 'A review of a customer was assigned',
    shows: ['kind', 'assigneeId'],
  },
  'kyc_review.escalated': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'A review that nobody ended restricts the customer',
    shows: REVIEW,
  },
  'kyc_review.closed': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'A review of a customer ended',
    shows: REVIEW,
  },
  'kyc_standing.dormant': {
    ...RESTRICTED,
    severity: 'info',
    description: 'A customer was not seen for a year',
    shows: ['dormantSince'],
  },
  'kyc_standing.reminded': {
    ...RESTRICTED,
    severity: 'info',
    description: 'A customer was reminded that their account falls dormant',
    shows: ['dormancyToldAt'],
  },
  'kyc_standing.reactivated': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'A customer who was not seen for a year came back',
    shows: ['dormantSince'],
  },
});
