export type XmlFault =
  | 'empty_file'
  | 'file_too_large'
  | 'not_utf8'
  | 'truncated'
  | 'malformed'
  | 'doctype_refused'
  | 'entity_refused'
  | 'nesting_too_deep';

/** A document the reader does not take; the detail quotes names of elements, never their text. */
export class XmlError extends Error {
  override readonly name = 'XmlError';
  readonly code: XmlFault;
  readonly detail: string;
  readonly line: number | undefined;

  constructor(code: XmlFault, detail: string, line?: number) {
    super(line === undefined ? `${code}: ${detail}` : `${code} at line ${line}: ${detail}`);
    this.code = code;
    this.detail = detail;
    this.line = line;
  }
}
