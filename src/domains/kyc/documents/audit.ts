import { auditEvents } from '../../../platform/audit/events.ts';

/** What documents record. */
export const DOCUMENT_EVENTS = auditEvents({
  'kyc_document.uploaded': {
    category: 'compliance',
    severity: 'info',
    description: 'A KYC document was uploaded',
    shows: ['type', 'status'],
  },
  'kyc_document.removed': {
    category: 'compliance',
    severity: 'info',
    description: 'A customer took a KYC document back',
    shows: ['type', 'status', 'removedAt'],
  },
  'kyc_document.read': {
    category: 'compliance',
    severity: 'warning',
    description: 'Staff opened a KYC document',
    shows: ['type', 'status'],
  },
});
