import { auditEvents } from '../../../platform/audit/events.ts';

/** What outside vendors leave in the log; nothing of it is ever shown to a customer. */
export const VENDOR_EVENTS = auditEvents({
  'vendor_result.recorded': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'An outside vendor said what it finds of a subject that was screened here',
    shows: ['vendor', 'mode', 'result', 'bestScoreBps', 'matchCount', 'ownResult', 'agreed', 'screeningId'],
  },
  'vendor_request.abandoned': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'An outside vendor is not asked any more about a subject: nothing it said could be used',
    shows: ['vendor', 'status', 'failures', 'lastFailure', 'screeningId'],
  },
  'vendor_result.read': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'Staff read what an outside vendor said of a subject',
    shows: ['vendor', 'result', 'matchCount', 'screeningId'],
  },
  'monitoring_vendor_result.recorded': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'An outside vendor said what it makes of an activity that was watched here',
    shows: ['vendor', 'mode', 'verdict', 'score', 'reference', 'ownVerdict', 'agreed', 'activityId'],
  },
  'monitoring_vendor_request.abandoned': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'An outside vendor is not asked any more about an activity: nothing it said could be used',
    shows: ['vendor', 'status', 'failures', 'lastFailure', 'activityId'],
  },
});
