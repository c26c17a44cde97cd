import { APPROVAL_EVENTS } from '../approvals/audit.ts';
import { BACKUP_EVENTS } from '../backup/audit.ts';
import { KEY_EVENTS } from '../crypto/audit.ts';
import { GUARD_EVENTS } from '../db/guard-audit.ts';
import { JOB_EVENTS } from '../jobs/audit.ts';
import { OUTBOX_EVENTS } from '../outbox/audit.ts';
import { RECOVERY_EVENTS } from '../recovery/audit.ts';
import { ATTEMPT_EVENTS } from './attempt-events.ts';
import type { AuditEvent } from './events.ts';
import { LOG_EVENTS } from './log-events.ts';
import { READ_EVENTS } from './read-events.ts';

/** What the platform itself records, whichever domains are there. */
export const PLATFORM_EVENTS: readonly AuditEvent[] = [
  ...Object.values(ATTEMPT_EVENTS),
  ...Object.values(READ_EVENTS),
  ...Object.values(LOG_EVENTS),
  ...Object.values(GUARD_EVENTS),
  ...Object.values(KEY_EVENTS),
  ...Object.values(JOB_EVENTS),
  ...Object.values(APPROVAL_EVENTS),
  ...Object.values(OUTBOX_EVENTS),
  ...Object.values(BACKUP_EVENTS),
  ...Object.values(RECOVERY_EVENTS),
];
