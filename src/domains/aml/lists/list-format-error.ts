export type ListFormatCode =
  | 'empty_file'
  | 'file_too_large'
  | 'not_utf8'
  | 'truncated'
  | 'malformed'
  | 'doctype_refused'
  | 'entity_refused'
  | 'nesting_too_deep'
  | 'wrong_root'
  | 'wrong_column_count'
  | 'missing_id'
  | 'missing_name'
  | 'duplicate_id'
  | 'unknown_reference';

/** A list file that must not become a version: the caller keeps the old one active. */
export class ListFormatError extends Error {
  readonly code: ListFormatCode;
  readonly detail: string;
  readonly line: number | undefined;

  constructor(code: ListFormatCode, detail: string, line?: number) {
    super(line === undefined ? `${code}: ${detail}` : `${code} at line ${line}: ${detail}`);
    this.name = 'ListFormatError';
    this.code = code;
    this.detail = detail;
    this.line = line;
  }
}
