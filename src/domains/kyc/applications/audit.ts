import { auditEvents } from '../../../platform/audit/events.ts';
import { APPLICATION_SHOWS } from '../application-shows.ts';

/** What applications record. */
export const APPLICATION_EVENTS = auditEvents({
  'kyc_application.created': {
    category: 'compliance',
    severity: 'info',
    description: 'A customer began a KYC application',
    shows: APPLICATION_SHOWS,
  },
  'kyc_application.submitted': {
    category: 'compliance',
    severity: 'info',
    description: 'A customer handed in a KYC application',
    shows: APPLICATION_SHOWS,
  },
  'kyc_application.edited': {
    category: 'compliance',
    severity: 'info',
    description: 'A customer changed a KYC application',
    shows: APPLICATION_SHOWS,
  },
  'kyc_application.withdrawn': {
    category: 'compliance',
    severity: 'info',
    description: 'A customer withdrew a KYC application',
    shows: APPLICATION_SHOWS,
  },
  'kyc_declaration.made': {
    category: 'compliance',
    severity: 'info',
    description: 'A customer made a declaration for a KYC application',
    shows: ['kind', 'revision'],
  },
  'kyc_party.added': {
    category: 'compliance',
    severity: 'info',
    description: 'A legal person named somebody behind it',
    shows: ['role', 'kind', 'shareBps', 'parentId'],
  },
  'kyc_party.removed': {
    category: 'compliance',
    severity: 'info',
    description: 'A legal person took back somebody it had named',
    shows: ['role', 'kind', 'shareBps', 'parentId', 'removedAt'],
  },
  'kyc_requirements.proposed': {
    category: 'compliance',
    severity: 'warning',
    description: 'A new set of KYC requirements was proposed',
    shows: ['version', 'status', 'beneficialOwnerBps'],
  },
  'kyc_requirements.retired': {
    category: 'compliance',
    severity: 'info',
    description: 'A set of KYC requirements is no longer in force',
    shows: ['version', 'status', 'beneficialOwnerBps'],
  },
  'kyc_requirements.activated': {
    category: 'compliance',
    severity: 'warning',
    description: 'A new set of KYC requirements is in force',
    shows: ['version', 'status', 'beneficialOwnerBps'],
  },
  'kyc_application.read': {
    category: 'compliance',
    severity: 'info',
    description: 'Staff read a KYC application with its declaration',
    shows: APPLICATION_SHOWS,
  },
});
