import { auditEvents } from '../../platform/audit/events.ts';

const HOLD = ['scope', 'periodFrom', 'periodTo', 'placedAt', 'releasedAt', 'releaseApprovalId'] as const;
const RUN = ['asOf', 'status', 'itemCount', 'dueCount', 'heldCount', 'approvalId', 'finishedAt'] as const;
const ITEM = ['runId', 'recordClass', 'subject', 'dueSince', 'outcome', 'reason'] as const;

/** What retention leaves behind; who is held or due is for examiners only (no tipping off). */
export const RETENTION_EVENTS = auditEvents({
  'legal_hold.placed': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'A legal hold was placed',
    shows: HOLD,
  },
  'legal_hold.released': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'A legal hold was released',
    shows: HOLD,
  },
  'retention_policy.changed': {
    category: 'compliance',
    severity: 'warning',
    description: 'How long a class of records is kept was changed',
    shows: ['recordClass', 'months', 'basis', 'approvalId', 'version'],
  },
  'retention_run.reported': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'What is due for destruction was listed',
    shows: RUN,
  },
  'retention_run.approved': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'The destruction of what is due was approved',
    shows: RUN,
  },
  'retention_run.finished': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'What was due was destroyed, or kept after all',
    shows: [...RUN, 'destroyed', 'kept'],
  },
  'retention_item.destroyed': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'Records whose retention was over were destroyed',
    shows: ITEM,
  },
  'retention_item.kept': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'Records that were to be destroyed have to be kept after all',
    shows: ITEM,
  },
});
