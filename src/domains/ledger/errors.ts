import { type ProblemTable, refusals } from '../../kernel/error.ts';
import { ACCOUNT_PROBLEMS } from '../accounts/index.ts';
import { IDENTITY_PROBLEMS } from '../identity/index.ts';

/** Refusals of the ledger. */
export const LEDGER_PROBLEMS = {
  insufficient_funds: { status: 422, title: 'The wallet does not hold enough available funds' },
  wallet_not_active: { status: 422, title: 'The wallet is suspended or closed' },
  margin_unknown: {
    status: 422,
    title: 'What is free is not known while the price of an open position is stale',
  },
  balance_out_of_range: { status: 422, title: 'The balance would not fit numeric(20,8)' },
  asset_exists: { status: 409, title: 'The asset is known already' },
  instant_in_future: { status: 422, title: 'The instant has not come yet' },
  journal_unbalanced: { status: 422, title: 'The entries do not sum to zero in each asset' },
  journal_misfit: { status: 422, title: 'The entries do not fit a journal of this kind' },
  value_date_too_late: { status: 422, title: 'The value date is more than 31 days ahead' },
  value_date_closed: {
    status: 422,
    title: 'The reconciliation of that day is signed: book it today, and name the day in the description',
  },
  journal_wallet_unknown: { status: 422, title: 'An entry names a wallet that is not there' },
  journal_lots_wrong: { status: 422, title: 'The lots cannot follow these entries' },
  house_balance_wrong_side: {
    status: 422,
    title: 'A wallet of the house would stand on the wrong side of zero',
  },
  sweep_exceeds_fees: { status: 422, title: 'Fewer fees were earned than the sweep would take' },
  sweep_leaves_shortfall: {
    status: 422,
    title: 'Less than clients are owed would be held after this',
  },
  holder_restricted: { status: 422, title: 'Money of a holder may not be moved so at present' },
  debt_open: { status: 422, title: 'Money that was taken back is still owed' },
  mlro_vote_required: { status: 409, title: 'One of the votes must be the MLRO’s' },
  journal_not_reversible: {
    status: 409,
    title: 'The journal is undone where it was made, such as by a refund, or not at all',
  },
  journal_reversed: { status: 409, title: 'The journal was reversed already' },
  journal_lots_used: { status: 409, title: 'Lots the journal made were used since' },
  hold_wallet_unsuitable: { status: 422, title: 'Funds are put on hold in live wallets of customers only' },
  hold_reference_reused: { status: 409, title: 'The reference names another hold already' },
  hold_expiry_past: { status: 422, title: 'The hold would be over already' },
  hold_not_by_hand: {
    status: 409,
    title: 'The hold belongs to another operation, such as a withdrawal, which ends it',
  },
  hold_not_active: { status: 409, title: 'The hold was captured or released' },
  hold_expired: { status: 409, title: 'The hold is over and its funds are free' },
  hold_remainder_exceeded: { status: 422, title: 'Less remains of the hold than would be captured' },
  hold_destination_unsuitable: {
    status: 422,
    title: 'What is on hold cannot be captured to this destination',
  },
  unknown_asset: { status: 422, title: 'The asset is not known here' },
  kyc_not_approved: { status: 422, title: 'The customer is not verified yet' },
  account_restricted: IDENTITY_PROBLEMS.account_restricted,
  under_review: { status: 422, title: 'The account is under review' },
  agreements_outdated: { status: 422, title: 'The current agreements are not accepted' },
  account_not_active: ACCOUNT_PROBLEMS.account_not_active,
  transfer_books_differ: { status: 422, title: 'Live and paper accounts do not mix' },
  account_not_paper: { status: 422, title: 'Only paper accounts are given play money' },
  play_money_given_often: {
    status: 409,
    title: 'The account was given play money as often as it may be within a day',
  },
  play_money_exceeded: { status: 422, title: 'The account would hold more play money than it is given' },
  amount_too_precise: { status: 422, title: 'The amount is finer than the asset can be divided' },
  asset_not_convertible: { status: 422, title: 'Only currencies are converted into each other' },
  conversion_too_small: {
    status: 422,
    title: 'The amount is worth less than one unit of the other currency',
  },
  conversion_too_large: { status: 422, title: 'The other amount would not fit numeric(20,8)' },
  rate_missing: { status: 422, title: 'No rate is set for this pair, so it is refused' },
  rate_stale: { status: 422, title: 'The rate of this pair counts no longer' },
  rate_window_invalid: { status: 422, title: 'The rate would count too long, or was read too long ago' },
  rate_superseded: { status: 409, title: 'A rate that was read later counts already' },
  rate_ring_gains: { status: 409, title: 'Together with the other rates, converting in a ring would gain' },
  fx_position_full: { status: 409, title: 'The firm converts no more in this direction at this rate' },
  quote_limit_reached: { status: 422, title: 'The account has as many open quotes as allowed' },
  quote_expired: { status: 409, title: 'The quote is over' },
} as const satisfies ProblemTable;

/** Throws a ledger refusal. */
export const refuseLedger = refusals(LEDGER_PROBLEMS);
