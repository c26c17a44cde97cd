import { auditEvents } from '../../../platform/audit/events.ts';

/** What re-screening records; what it finds on a person is a screening and recorded as one. */
export const RESCREENING_EVENTS = auditEvents({
  'rescreening.started': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'Everybody who is behind the lists, or due by themselves, is held against them',
    shows: ['cause', 'isFull', 'listSet', 'configHash', 'total'],
  },
  'screening_standing.brought_forward': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A customer whose risk rose is due to be held against the lists sooner',
    shows: ['nextDueAt'],
  },
  'rescreening.finished': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'Everybody was held against the lists and the configuration that are active',
    shows: ['cause', 'isFull', 'listSet', 'configHash', 'total', 'done', 'hits', 'skipped'],
  },
});
