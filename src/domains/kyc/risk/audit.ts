import { auditEvents } from '../../../platform/audit/events.ts';

const MATRIX = ['version', 'status', 'origin', 'contentHash', 'approvalId', 'activatedAt'] as const;
const RESTRICTED = { category: 'compliance', class: 'restricted' } as const;

/** What risk rating records. */
export const RISK_EVENTS = auditEvents({
  'kyc_risk.rated': {
    ...RESTRICTED,
    severity: 'info',
    description: 'A customer’s risk was rated',
    shows: ['score', 'level', 'cause', 'raisedTo', 'approvalId', 'matrixId', 'matrixVersion', 'nextReviewAt'],
  },
  'kyc_risk.signal_noted': {
    ...RESTRICTED,
    severity: 'info',
    description: 'Something learnt of a customer counts in their rating',
    shows: ['kind', 'points'],
  },
  'kyc_risk.read': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'Staff looked at how a customer’s risk is rated',
    shows: ['score', 'level'],
  },
  'kyc_risk_matrix.drafted': {
    ...RESTRICTED,
    severity: 'info',
    description: 'A risk matrix was drafted',
    shows: MATRIX,
  },
  'kyc_risk_matrix.activated': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'A risk matrix was put in force',
    shows: MATRIX,
  },
  'kyc_risk_simulation.started': {
    ...RESTRICTED,
    severity: 'info',
    description: 'A risk matrix is tried on every customer',
    shows: ['matrixId', 'contentHash', 'againstId', 'total'],
  },
  'kyc_risk_simulation.finished': {
    ...RESTRICTED,
    severity: 'info',
    description: 'A risk matrix was tried on every customer',
    shows: ['matrixId', 'contentHash', 'againstId', 'done', 'digest'],
  },
});
