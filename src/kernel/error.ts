/**
 * A refusal the caller may know: a code of a closed list, a status, words without personal data.
 * One renderer turns it into a problem document; nothing else decides a status.
 */

/** The statuses a refusal may carry; see docs/http-status-codes.md. */
export type ProblemStatus =
  | 400
  | 401
  | 403
  | 404
  | 405
  | 409
  | 412
  | 413
  | 415
  | 416
  | 422
  | 426
  | 428
  | 429
  | 500
  | 503;

/** One entry of a domain's closed list of refusals. */
export type ProblemDefinition = {
  readonly status: ProblemStatus;
  readonly title: string;
  /** That it was given is for those who may see restricted rows, whatever was asked for. */
  readonly restricted?: true;
};

export type ProblemTable = { readonly [code: string]: ProblemDefinition };

/** Where in the request the fault lies: a JSON pointer into the body, or `query/…`, `header/…`. */
export type FieldError = { readonly pointer: string; readonly code: string; readonly detail: string };

export type ErrorExtras = {
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  readonly decisionId?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: string;
  readonly definition: ProblemDefinition;
  readonly extras: ErrorExtras;

  constructor(code: string, definition: ProblemDefinition, extras: ErrorExtras = {}) {
    super(extras.detail ?? definition.title);
    this.code = code;
    this.definition = definition;
    this.extras = extras;
  }
}

/**
 * Makes the thrower of one closed list: `const refuse = refusals(FUNDING_PROBLEMS)`, then
 * `throw refuse('insufficient_funds')`. A code that is not in the list is a type error.
 */
export function refusals<const Table extends ProblemTable>(table: Table) {
  return (code: keyof Table & string, extras: ErrorExtras = {}): DomainError =>
    new DomainError(code, table[code] as ProblemDefinition, extras);
}
