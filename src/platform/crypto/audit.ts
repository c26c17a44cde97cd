import { auditEvents } from '../audit/events.ts';

/** What happens to the keys of the installation and to what they seal. */
export const KEY_EVENTS = auditEvents({
  'installation_key.imported': {
    category: 'security',
    severity: 'warning',
    description:
      'The keys of a database were taken from its oldest root key, which may be retired from then on',
    shows: ['purposes', 'keyIds'],
  },
  'installation_key.created': {
    category: 'security',
    severity: 'warning',
    description: 'A further key of the installation was made; every node learns it before it seals',
    shows: ['id', 'purpose', 'createdAt'],
  },
  'installation_key.activated': {
    category: 'security',
    severity: 'warning',
    description: 'A key of the installation seals from here on; the one before only opens',
    shows: ['id', 'purpose', 'activatedAt'],
  },
  'person_key.created': {
    category: 'security',
    severity: 'warning',
    description: 'People were given another data key, which opens at once and seals later',
    shows: ['count'],
  },
  'person_key.activated': {
    category: 'security',
    severity: 'warning',
    description: 'Further data keys of people seal from here on; the ones before only open',
    shows: ['count'],
  },
  'sealed_column.unreadable': {
    category: 'security',
    severity: 'critical',
    description: 'A sealed value does not open: it was altered, moved or cut off, or its key is not here',
    shows: ['table', 'column', 'row', 'fault'],
  },
  'sealed_column.resealed': {
    category: 'security',
    severity: 'warning',
    description: 'Values of one column were encrypted again under the key that is in use',
    shows: ['table', 'column', 'count', 'rowsDone'],
  },
});
