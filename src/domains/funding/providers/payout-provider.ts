/**
 * The seam between the files of a bank and what they mean for the books. A provider turns an instruction into what its bank takes and reads what
 * the bank answers; what either means for the books is not its business.
 */
import type { Amount } from '../../../kernel/amount.ts';
import type { Instant } from '../../../kernel/time.ts';

export type PaymentParty = { readonly name: string; readonly iban: string; readonly bic: string };

export type PaymentInstruction = {
  readonly messageId: string;
  readonly createdAt: Instant;
  readonly firmName: string;
  /** @units YYYY-MM-DD */
  readonly executionDate: string;
  readonly currency: string;
  readonly controlSum: Amount;
  /** Whether the bank may book the payments in one line; not said in files that were made before it was asked. */
  readonly batchBooking?: boolean;
  readonly debtor: PaymentParty;
  readonly payments: readonly {
    readonly endToEndId: string;
    readonly amount: Amount;
    readonly creditor: PaymentParty;
  }[];
};

/** `pending`: the bank has it and goes on; `unknown`: it says what may mean either end, or nothing known. */
export type PaymentOutcome = 'completed' | 'failed' | 'pending' | 'unknown';

export type PaymentReport = {
  readonly messageId: string;
  readonly originalMessageId: string;
  /** The number and the sum of the file's payments, where the bank repeats them. */
  readonly originalCount: number | null;
  readonly originalSum: Amount | null;
  /** The end the bank says of the file as a whole: of every payment it does not name. */
  readonly rest: Extract<PaymentOutcome, 'completed' | 'failed'> | null;
  readonly payments: readonly {
    readonly endToEndId: string;
    readonly outcome: PaymentOutcome;
    /** The payment as the bank has it, where it repeats that. */
    readonly amount: Amount | null;
    readonly currency: string | null;
    /** What the bank calls the payment, where it says. */
    readonly bankReference: string | null;
  }[];
};

/** A report that is not one; the message quotes nothing of it. */
export class PaymentReportError extends Error {
  override readonly name = 'PaymentReportError';
}

export type PayoutProvider = {
  readonly name: string;
  /** @shape the same bytes for the same instruction, for good */
  readonly fileOf: (instruction: PaymentInstruction) => Uint8Array;
  /** @errors PaymentReportError */
  readonly readReport: (bytes: Uint8Array) => PaymentReport;
};
