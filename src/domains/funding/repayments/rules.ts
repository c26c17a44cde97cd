/**
 * Which state of a repayment may follow which, and what two people may say of one. Nothing here reads or writes; the
 * database holds its rows to the same table.
 */
import type { repaymentStatus } from '../work/schema.ts';

export type RepaymentStatus = (typeof repaymentStatus.enumValues)[number];

const REPAYMENT_MOVES: Readonly<Record<RepaymentStatus, readonly RepaymentStatus[]>> = {
  // `completed` where the bank shows that it was paid past the files.
  payable: ['in_file', 'by_hand', 'completed', 'given_up'],
  // `payable` again where its file was given up.
  in_file: ['completed', 'failed', 'unknown', 'payable'],
  unknown: ['completed', 'failed'],
  failed: ['payable', 'by_hand', 'completed', 'given_up'],
  by_hand: ['completed', 'given_up'],
  // Where the statement that had shown it was given up.
  completed: ['unknown'],
  given_up: [],
};

/** What people may say of a repayment, and of which; everything else the bank says. */
const RESOLUTIONS: Readonly<Partial<Record<RepaymentStatus, readonly RepaymentOutcome[]>>> = {
  // `completed` of what is in no file: it was paid past it, which compliance agrees to.
  payable: ['by_hand', 'completed'],
  in_file: ['completed', 'failed'],
  unknown: ['completed', 'failed'],
  failed: ['payable', 'by_hand', 'completed'],
  by_hand: ['completed'],
};

export const REPAYMENT_OUTCOMES = ['completed', 'failed', 'payable', 'by_hand'] as const;

export type RepaymentOutcome = (typeof REPAYMENT_OUTCOMES)[number];

/** Whether the table of states lets a repayment move so. */
export function repaymentMayBecome(from: RepaymentStatus, to: RepaymentStatus): boolean {
  return REPAYMENT_MOVES[from].includes(to);
}

/** Whether two people may say this of a repayment as it stands. */
export function isResolvable(from: RepaymentStatus, to: RepaymentOutcome): boolean {
  return RESOLUTIONS[from]?.includes(to) ?? false;
}
