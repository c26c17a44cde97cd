/** What a run can find wrong, and how much each kind weighs. Pure. */
import type { Amount } from '../../../kernel/amount.ts';
import type { breakKind, breakSeverity } from './schema.ts';

export type BreakKind = (typeof breakKind.enumValues)[number];
export type BreakSeverity = (typeof breakSeverity.enumValues)[number];

export type Finding = {
  readonly kind: BreakKind;
  /** The same words each time it is seen: with the kind it tells one break from another. */
  readonly object: string;
  readonly amount: Amount | null;
  readonly currency: string | null;
  readonly detail: string;
};

/** A critical break keeps a run from being signed until somebody explains it. */
export const SEVERITY: Readonly<Record<BreakKind, BreakSeverity>> = {
  internal_check: 'critical',
  bank_difference: 'critical',
  bank_account_missing: 'critical',
  bank_overdrawn: 'critical',
  statement_missing: 'critical',
  statement_line_unbooked: 'critical',
  booking_not_on_statement: 'critical',
  custody_difference: 'critical',
  custody_report_missing: 'critical',
  client_money_shortfall: 'critical',
  client_money_unexplained: 'critical',
  dormant_balance: 'warning',
  unclaimed_balance: 'warning',
  sign_off_overdue: 'warning',
  in_transit_overdue: 'critical',
  in_transit_unexplained: 'critical',
  work_overdue: 'warning',
};

/** Whether somebody is called for each new break of the kind; for all quiet balances of a run they are called once. */
export function raisesAlarm(kind: BreakKind): boolean {
  return SEVERITY[kind] === 'critical' || kind === 'sign_off_overdue' || kind === 'work_overdue';
}

/** Tells findings apart. */
export function findingKey({ kind, object }: Pick<Finding, 'kind' | 'object'>): string {
  return `${kind} ${object}`;
}
