import { auditEvents } from '../../../platform/audit/events.ts';
import { APPLICATION_SHOWS } from '../application-shows.ts';

/** What the review of applications records. */
export const REVIEW_EVENTS = auditEvents({
  'kyc_application.senior_asked': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'The approval of a KYC application was put before a senior person',
    shows: [...APPLICATION_SHOWS, 'needsSenior'],
  },
  'kyc_application.assigned': {
    category: 'compliance',
    severity: 'info',
    description: 'A KYC application was given to a reviewer',
    shows: [...APPLICATION_SHOWS, 'assigneeId'],
  },
  'kyc_item.decided': {
    category: 'compliance',
    severity: 'info',
    description: 'A reviewer decided on one item of a KYC application',
    shows: ['item', 'status', 'reasonCode', 'version'],
  },
  'kyc_application.compared': {
    category: 'compliance',
    severity: 'info',
    description: 'Staff compared what the sources of a KYC application say',
    shows: APPLICATION_SHOWS,
  },
  'kyc_application.decided': {
    category: 'compliance',
    severity: 'warning',
    description: 'A KYC application was decided',
    shows: APPLICATION_SHOWS,
  },
});
