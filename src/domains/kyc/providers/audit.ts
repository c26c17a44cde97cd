import { auditEvents } from '../../../platform/audit/events.ts';

const SESSION = ['provider', 'status', 'findings', 'failures'] as const;

/** What providers of identity checks leave in the log. */
export const PROVIDER_EVENTS = auditEvents({
  'kyc_provider_session.opened': {
    category: 'compliance',
    severity: 'info',
    description: 'An applicant was sent to a provider of identity checks',
    shows: ['provider', 'status'],
  },
  'kyc_provider_session.changed': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A provider of identity checks said something new',
    shows: SESSION,
  },
  'kyc_provider_session.read': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'Staff looked at what a provider of identity checks said',
    shows: ['provider', 'status'],
  },
  'kyc_provider_event.received': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'An event of a provider of identity checks was taken',
    shows: ['provider', 'type', 'state'],
  },
  'kyc_provider_image.settled': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A provider’s picture was copied, or could not be',
    shows: ['name', 'status', 'failure', 'documentId'],
  },
});
