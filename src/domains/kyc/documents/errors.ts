import type { ProblemTable } from '../../../kernel/error.ts';

/** Refusals of documents. */
export const DOCUMENT_PROBLEMS = {
  document_type_unsupported: { status: 415, title: 'The file is not a PDF, JPEG or PNG' },
  document_content_refused: {
    status: 415,
    title: 'The file is damaged, or more than one picture or plain PDF',
  },
  mrz_invalid: { status: 422, title: 'The machine-readable zone does not read, or a check digit is wrong' },
  document_accepted: { status: 409, title: 'A document that was accepted stays' },
  document_party_unknown: { status: 422, title: 'Nobody of whom the document could be is among the parties' },
  document_limit_reached: { status: 409, title: 'The application holds as many documents as it may' },
} as const satisfies ProblemTable;
