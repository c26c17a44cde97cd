import { type ProblemTable, refusals } from '../../kernel/error.ts';
import { IDENTITY_PROBLEMS } from '../identity/index.ts';

/** Refusals of accounts. */
export const ACCOUNT_PROBLEMS = {
  account_not_active: { status: 409, title: 'The account is not active' },
  account_not_frozen: { status: 409, title: 'The account is not frozen' },
  account_limit_reached: { status: 422, title: 'The user has as many accounts of this type as allowed' },
  margin_terms_invalid: { status: 422, title: 'A margin call comes before the liquidation it warns of' },
  leverage_unsuitable: {
    status: 422,
    title: 'The leverage is beyond what suits the risk the person said they bear',
  },
  kyc_not_approved: { status: 422, title: 'The customer is not verified yet' },
  account_restricted: IDENTITY_PROBLEMS.account_restricted,
  under_review: { status: 422, title: 'Something about the customer is being looked at' },
  agreements_outdated: { status: 422, title: 'The current agreements are not accepted' },
  currency_unknown: { status: 422, title: 'The base currency is not an ISO 4217 code' },
} as const satisfies ProblemTable;

/** Throws an accounts refusal. */
export const refuseAccount = refusals(ACCOUNT_PROBLEMS);
