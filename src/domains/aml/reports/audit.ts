import { auditEvents } from '../../../platform/audit/events.ts';

const NOTICE = ['kind', 'status', 'dueAt', 'caseId', 'runId', 'sentAt', 'reference'] as const;

const REPORT = [
  'number',
  'caseId',
  'reportCode',
  'amendsId',
  'status',
  'suspicionAt',
  'dueAt',
  'reasons',
  'indicators',
  'transactionCount',
  'decidedBy',
  'decidedAt',
  'filedAt',
  'fiuReference',
] as const;

const RESTRICTED = { category: 'compliance', class: 'restricted' } as const;

/** What reports to the authorities record. */
export const REPORT_EVENTS = auditEvents({
  'business_holiday.set': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'Two people decided whether a day is one to work on',
    shows: ['day', 'name', 'observed', 'source', 'approvalId'],
  },
  'aml_annual_report.made': {
    ...RESTRICTED,
    severity: 'info',
    description: 'The figures of a year were counted up to a cut-off',
    shows: ['year', 'until', 'sha256'],
  },
  'sanctions_notice.opened': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'A match was confirmed, and the time to tell the authorities runs',
    shows: NOTICE,
  },
  'sanctions_notice.nil_drafted': {
    ...RESTRICTED,
    severity: 'info',
    description: 'It was written down that a run over everybody found nobody',
    shows: [...NOTICE, 'figures'],
  },
  'sanctions_notice.drafted': {
    ...RESTRICTED,
    severity: 'info',
    description: 'Somebody wrote what a notice says',
    shows: NOTICE,
  },
  'sanctions_notice.sent': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'A notice was sent to the authorities',
    shows: NOTICE,
  },
  'sanctions_notice.read': {
    ...RESTRICTED,
    severity: 'info',
    description: 'Staff opened what a notice says',
    shows: NOTICE,
  },
  'sanctions_notice.due_soon': {
    ...RESTRICTED,
    severity: 'critical',
    description: 'A notice to the authorities is due within hours and was not sent',
    shows: NOTICE,
  },
  'sanctions_notice.overdue': {
    ...RESTRICTED,
    severity: 'critical',
    description: 'A notice to the authorities is late',
    shows: NOTICE,
  },
  'aml_report.drafted': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'A report of a suspicion was begun; it is due by a day',
    shows: REPORT,
  },
  'aml_report.edited': {
    ...RESTRICTED,
    severity: 'info',
    description: 'Somebody changed what a report says',
    shows: REPORT,
  },
  'aml_report.due_moved': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'A holiday was decided on, and a report is due on another day',
    shows: REPORT,
  },
  'aml_report.validated': {
    ...RESTRICTED,
    severity: 'info',
    description: 'The document of a report was checked for structure and order',
    shows: [...REPORT, 'findings'],
  },
  'aml_report.approved': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'The MLRO decided to file a report',
    shows: [...REPORT, 'sha256'],
  },
  'aml_report.declined': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'The MLRO decided, with reasons, not to file a report',
    shows: REPORT,
  },
  'aml_report.withdrawn': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'An amendment, or a report that the FIU turned down, was withdrawn',
    shows: REPORT,
  },
  'aml_report.filed': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'A report was filed, and the FIU gave it a reference',
    shows: REPORT,
  },
  'aml_report.read': {
    ...RESTRICTED,
    severity: 'info',
    description: 'Staff opened a report',
    shows: REPORT,
  },
  'aml_report.document_read': {
    ...RESTRICTED,
    severity: 'warning',
    description: 'Staff took the document of a report',
    shows: REPORT,
  },
  'aml_report.due_soon': {
    ...RESTRICTED,
    severity: 'critical',
    description: 'A suspicion has to be reported or declined within two days',
    shows: REPORT,
  },
  'aml_report.overdue': {
    ...RESTRICTED,
    severity: 'critical',
    description: 'A suspicion was neither reported nor declined in time',
    shows: REPORT,
  },
});
