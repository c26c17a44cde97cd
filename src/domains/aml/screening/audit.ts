import { auditEvents } from '../../../platform/audit/events.ts';

/** What screening records. */
export const SCREENING_EVENTS = auditEvents({
  'screening.completed': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A subject was compared with the active lists',
    shows: ['checkType', 'trigger', 'result', 'riskScore', 'matchCount', 'algorithmVersion', 'configHash'],
  },
  'screening_batch.completed': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'Many subjects were compared with the active lists in one call',
    shows: ['subjects', 'found'],
  },
  'screening_config.released': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'How names are weighed came with the program and screens now',
    shows: ['version', 'status', 'origin', 'contentHash', 'algorithm'],
  },
  'screening_config.drafted': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'Staff drafted how names are weighed',
    shows: ['version', 'status', 'origin', 'contentHash', 'algorithm'],
  },
  'screening_config.simulated': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A draft of how names are weighed was held against people screened before',
    shows: ['version', 'contentHash', 'simulation'],
  },
  'screening_config.activated': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'Two people decided how names are weighed from now on',
    shows: ['version', 'status', 'contentHash', 'algorithm', 'approvalId'],
  },
  'screening.read': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'Staff read a screening with its subject',
    shows: ['result', 'matchCount'],
  },
});
