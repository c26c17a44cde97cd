import { auditEvents } from '../../../platform/audit/events.ts';

const BREAK_SHOWS = [
  'kind',
  'severity',
  'object',
  'amount',
  'currency',
  'legalEntity',
  'status',
  'resolution',
  'ownerId',
  'approvalId',
  'firstSeenAt',
  'version',
];
const REPORT_SHOWS = [
  'status',
  'standing',
  'confirmationId',
  'voidId',
  'legalEntity',
  'houseRole',
  'custodian',
  'asOf',
  'lineCount',
  'refusalCode',
];

/** What reconciliation records besides the ledger's own events. */
export const RECONCILIATION_EVENTS = auditEvents({
  'reconciliation.run': {
    category: 'financial',
    severity: 'info',
    description: 'Books, banks, custodians and the client-money position were compared',
    shows: ['legalEntity', 'businessDate', 'breakCount', 'newBreakCount', 'closedBreakCount', 'shortfalls'],
  },
  'reconciliation.signed': {
    category: 'financial',
    severity: 'warning',
    description: 'Two people signed a reconciliation',
    shows: ['legalEntity', 'businessDate', 'preparerId', 'reviewerId', 'approvalId'],
  },
  'reconciliation.report_downloaded': {
    category: 'financial',
    severity: 'info',
    description: 'Staff read the report of a reconciliation',
    shows: ['businessDate', 'format', 'sha256', 'signed'],
  },
  'custody_report.file_read': {
    category: 'financial',
    severity: 'info',
    description: 'Staff fetched the file of a custody report',
    shows: [...REPORT_SHOWS, 'sha256'],
  },
  'reconciliation_break.opened': {
    category: 'financial',
    severity: 'critical',
    description: 'A reconciliation found a break',
    shows: BREAK_SHOWS,
  },
  'reconciliation_break.noticed': {
    category: 'financial',
    severity: 'warning',
    description: 'A reconciliation found something to look after',
    shows: BREAK_SHOWS,
  },
  'reconciliation_break.flood': {
    category: 'financial',
    severity: 'critical',
    description: 'A reconciliation found more new breaks than it calls people for one by one',
    shows: ['newBreakCount', 'alarms'],
  },
  'reconciliation_break.quiet': {
    category: 'financial',
    severity: 'critical',
    description: 'A reconciliation found balances that their customers left alone for long',
    shows: ['dormantCount', 'unclaimedCount'],
  },
  'reconciliation_break.closed': {
    category: 'financial',
    severity: 'info',
    description: 'A break was not there any more',
    shows: BREAK_SHOWS,
  },
  'reconciliation_break.changed': {
    category: 'financial',
    severity: 'info',
    description: 'A break was assigned or noted on',
    shows: [...BREAK_SHOWS, 'noted'],
  },
  'reconciliation_break.settled': {
    category: 'financial',
    severity: 'warning',
    description: 'A break was explained or resolved by people',
    shows: BREAK_SHOWS,
  },
  'custody_report.imported': {
    category: 'financial',
    severity: 'warning',
    description: "A custodian's report was imported",
    shows: REPORT_SHOWS,
  },
  'custody_report.confirmed': {
    category: 'financial',
    severity: 'warning',
    description: 'A second person confirmed that a report is the custodian’s: custody is held against it',
    shows: REPORT_SHOWS,
  },
  'custody_report.voided': {
    category: 'financial',
    severity: 'error',
    description: "A custodian's report counts for nothing: it was not confirmed, or two people gave it up",
    shows: REPORT_SHOWS,
  },
  'custody_report.refused': {
    category: 'financial',
    severity: 'warning',
    description: 'A file that was to be a custody report was refused',
    shows: REPORT_SHOWS,
  },
});
