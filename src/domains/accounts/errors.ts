import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of accounts. */
export const ACCOUNT_PROBLEMS = {
  account_not_active: { status: 409, title: 'The account is not active' },
  account_not_frozen: { status: 409, title: 'The account is not frozen' },
  account_limit_reached: { status: 422, title: 'The user has as many accounts of this type as allowed' },
  currency_unknown: { status: 422, title: 'The base currency is not an ISO 4217 code' },
} as const satisfies ProblemTable;

/** Throws an accounts refusal. */
export const refuseAccount = refusals(ACCOUNT_PROBLEMS);
