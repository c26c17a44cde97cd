import { auditEvents } from '../audit/events.ts';

/** What backups leave in the log. */
export const BACKUP_EVENTS = auditEvents({
  'backup.written': {
    category: 'system',
    severity: 'info',
    description: 'A backup was written',
    shows: ['kind', 'takenAt', 'rows', 'sizeBytes', 'tables', 'files', 'treeSize', 'sha256'],
  },
});
