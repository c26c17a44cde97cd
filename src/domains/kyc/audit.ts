import { auditEvents } from '../../platform/audit/events.ts';

const SHOWS = ['level', 'status', 'provider', 'version', 'outcome'] as const;

/** What KYC records. */
export const KYC_EVENTS = auditEvents({
  'kyc_application.created': {
    category: 'compliance',
    severity: 'info',
    description: 'A customer began a KYC application',
    shows: SHOWS,
  },
  'kyc_application.submitted': {
    category: 'compliance',
    severity: 'info',
    description: 'A customer handed in a KYC application',
    shows: SHOWS,
  },
  'kyc_application.read': {
    category: 'compliance',
    severity: 'info',
    description: 'Staff read a KYC application with its declaration',
    shows: SHOWS,
  },
  'kyc_application.decided': {
    category: 'compliance',
    severity: 'warning',
    description: 'A KYC application was decided',
    shows: SHOWS,
  },
  'kyc_document.uploaded': {
    category: 'compliance',
    severity: 'info',
    description: 'A KYC document was uploaded',
    shows: ['type', 'status'],
  },
  'kyc_document.read': {
    category: 'compliance',
    severity: 'warning',
    description: 'Staff opened a KYC document',
    shows: ['type', 'status'],
  },
});
