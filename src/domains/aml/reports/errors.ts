import type { ProblemTable } from '../../../kernel/error.ts';

/** Refusals of the work on notices and reports to the authorities. */
export const REPORT_PROBLEMS = {
  notice_sent: { status: 409, title: 'The notice was sent and stays as it was sent' },
  notice_not_drafted: { status: 409, title: 'The notice has to be written before it is sent' },
  run_not_finished: { status: 409, title: 'The run has not looked at everybody yet' },
  run_not_over_everybody: {
    status: 409,
    title: 'The run was neither over everybody nor begun by a change of a list',
  },
  run_found_matches: {
    status: 409,
    title: 'The run found somebody who is not known to be somebody else: there is something to report',
  },
  nil_report_exists: { status: 409, title: 'There is a report that this run found nobody already' },
  sent_at_invalid: { status: 422, title: 'It cannot have been sent then' },
  reference_taken: { status: 409, title: 'Another notice or report bears this reference' },
  report_decided: { status: 409, title: 'The report was decided on and stays as it is' },
  report_not_ready: { status: 409, title: 'The report has not been found whole since it was last changed' },
  report_own_work: { status: 409, title: 'Whoever wrote or began a report does not decide on it' },
  report_not_approved: { status: 409, title: 'The MLRO has not decided to file this report' },
  report_not_filed: { status: 409, title: 'Only a report that was filed is amended' },
  report_open: { status: 409, title: 'Another report of this case is being worked on' },
  report_too_long: { status: 422, title: 'The report tells of more transactions than one may' },
  report_activity_unknown: { status: 422, title: 'A transaction is none of the people of the case' },
  report_only_amendments_withdrawn: {
    status: 409,
    title: 'A suspicion is decided on; only an amendment, or a report that the FIU turned down, is withdrawn',
  },
  annual_report_ahead: {
    status: 422,
    title: 'A report counts up to a minute ago at most, and of no year that has not begun',
  },
} as const satisfies ProblemTable;
