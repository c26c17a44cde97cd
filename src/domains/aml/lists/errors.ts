import type { ProblemTable } from '../../../kernel/error.ts';

/** Refusals of the lists. */
export const LIST_PROBLEMS = {
  list_exists: { status: 409, title: 'A list of this kind and name exists' },
  list_unchanged: { status: 409, title: 'The file is the version that is active already' },
  list_unreadable: { status: 422, title: 'The list file cannot be read; the active version stays' },
  list_shrunk: {
    status: 422,
    title: 'The list lost more entries than is plausible; the active version stays',
  },
  list_files_missing: { status: 422, title: 'The import lacks a file that this kind of list needs' },
  list_too_small: { status: 422, title: 'The list has fewer entries than it must; the active version stays' },
  list_format_unsupported: { status: 422, title: 'Lists of this kind have no such format' },
  list_retired: { status: 409, title: 'The list is no longer used' },
  list_moved_on: { status: 409, title: 'The list changed meanwhile' },
  list_not_refused: { status: 409, title: 'Only a version that lost too much can be let through' },
  list_not_fetched: { status: 409, title: 'No addresses are set up from which the list is fetched' },
} as const satisfies ProblemTable;
