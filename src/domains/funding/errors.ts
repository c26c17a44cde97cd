import { type ProblemTable, refusals } from '../../kernel/error.ts';
import { ACCOUNT_PROBLEMS } from '../accounts/index.ts';
import { IDENTITY_PROBLEMS } from '../identity/index.ts';

/** Refusals of funding. The gate's words tell no AML matter from an ordinary one. */
export const FUNDING_PROBLEMS = {
  kyc_not_approved: { status: 422, title: 'The customer is not verified yet' },
  account_restricted: IDENTITY_PROBLEMS.account_restricted,
  under_review: { status: 422, title: 'The account is under review' },
  agreements_outdated: { status: 422, title: 'The current agreements are not accepted' },
  account_not_live: { status: 422, title: 'Money moves in and out of live accounts only' },
  account_not_active: ACCOUNT_PROBLEMS.account_not_active,
  amount_too_precise: { status: 422, title: 'The amount is finer than the asset can be divided' },
  method_not_supported: { status: 422, title: 'The method does not suit the asset' },
  beneficiary_name_mismatch: { status: 422, title: "The holder's name is not the customer's" },
  beneficiary_exists: { status: 409, title: 'The beneficiary is registered already' },
  beneficiary_in_use: { status: 409, title: 'A withdrawal to the beneficiary is still open' },
  beneficiary_not_usable: { status: 422, title: 'The beneficiary is removed or still cooling off' },
  beneficiary_not_suitable: { status: 422, title: 'The asset cannot be paid to this beneficiary' },
  limit_missing: { status: 422, title: 'No limit is set for this, so it is refused' },
  limit_exceeded: { status: 422, title: 'The amount exceeds a limit' },
  destination_changed: { status: 409, title: 'The destination is not the one that was requested' },
  approved_request_changed: { status: 409, title: 'What is stored is not what was put before the checkers' },
  deposit_status_conflict: { status: 409, title: 'The status of the deposit does not allow this' },
  withdrawal_status_conflict: { status: 409, title: 'The status of the withdrawal does not allow this' },
  approver_cannot_pay_out: { status: 403, title: 'Who approved a withdrawal cannot pay it out' },
  statement_line_unknown: { status: 422, title: 'There is no such bank statement line' },
  approval_unknown: { status: 422, title: 'There is no such approval of this action' },
  approval_not_granted: { status: 409, title: 'The approval is not granted' },
} as const satisfies ProblemTable;

/** Throws a refusal of funding. */
export const refuseFunding = refusals(FUNDING_PROBLEMS);
