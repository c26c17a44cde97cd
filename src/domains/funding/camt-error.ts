/** Why a statement file is refused, each a word that is kept with it. */
export type StatementFault =
  | 'unreadable'
  | 'not_a_statement'
  | 'several_statements'
  | 'incomplete'
  | 'malformed_value'
  | 'not_booked'
  | 'wrong_account'
  | 'wrong_currency'
  | 'totals_differ'
  | 'duplicate'
  | 'gap'
  | 'not_bookable';

const DETAIL_MAX = 300;

/** A statement file that is refused whole. The detail names no payer: it is kept in the clear. */
export class StatementError extends Error {
  override readonly name = 'StatementError';
  readonly fault: StatementFault;
  readonly detail: string;

  constructor(fault: StatementFault, detail: string) {
    // What a file holds is quoted in part: characters that no text column takes must not keep the reason out.
    const readable = detail.replaceAll(/\p{C}/gu, '\uFFFD').slice(0, DETAIL_MAX);
    super(`${fault}: ${readable}`);
    this.fault = fault;
    this.detail = readable;
  }
}
