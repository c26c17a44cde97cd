import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of AML; none of them is ever given to a customer. */
export const AML_PROBLEMS = {
  list_exists: { status: 409, title: 'A list of this kind and name exists' },
  list_unchanged: { status: 409, title: 'The file is the version that is active already' },
  list_unreadable: { status: 422, title: 'The list file cannot be read; the active version stays' },
  list_shrunk: {
    status: 422,
    title: 'The list lost more entries than is plausible; the active version stays',
  },
  list_files_missing: { status: 422, title: 'The import lacks a file that this kind of list needs' },
  list_kind_unsupported: { status: 422, title: 'Files of this kind of list cannot be imported' },
  no_active_list: { status: 503, title: 'No screening list is active' },
  name_unusable: { status: 422, title: 'The name cannot be screened' },
  alert_resolved: { status: 409, title: 'The alert is resolved already' },
  self_review: { status: 403, title: 'Nobody works on an alert about themselves' },
} as const satisfies ProblemTable;

/** Throws an AML refusal. */
export const refuseAml = refusals(AML_PROBLEMS);
