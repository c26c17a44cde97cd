import { auditEvents } from '../audit/events.ts';

const SHOWS = [
  'cause',
  'startedAt',
  'backupId',
  'backupTakenAt',
  'treeSize',
  'foreignSize',
  'logOrigin',
  'logSettledAt',
  'reconciliationId',
  'approvalId',
  'endedAt',
] as const;

/** What recovery leaves in the log. */
export const RECOVERY_EVENTS = auditEvents({
  'recovery.started': {
    category: 'system',
    severity: 'critical',
    description: 'The installation went into recovery: no money moves until it is reconciled',
    shows: SHOWS,
  },
  'recovery.log_settled': {
    category: 'system',
    severity: 'critical',
    description: 'It was settled under which name the audit log goes on',
    shows: SHOWS,
  },
  'recovery.ended': {
    category: 'system',
    severity: 'critical',
    description: 'Two people ended the recovery on a signed reconciliation',
    shows: SHOWS,
  },
});
