import { type ProblemTable, refusals } from '../../kernel/error.ts';
import { ACCOUNT_PROBLEMS } from '../accounts/index.ts';

/** Refusals of requests about orders: nothing is stored. */
export const TRADING_PROBLEMS = {
  unknown_symbol: { status: 422, title: 'No instrument has this symbol' },
  client_order_id_reused: {
    status: 409,
    title: 'The account has another order with this client order id',
  },
  order_not_open: { status: 409, title: 'The order is closed' },
  order_changed: {
    status: 409,
    title: 'The order is not as it was known: another quantity has traded, or it was triggered or cut',
  },
  order_not_replaceable: {
    status: 409,
    title: 'Orders that trade at once, or are with a venue, are not replaced',
  },
  order_in_group: {
    status: 409,
    title: 'Orders that depend on each other are not replaced: cancel them and place them anew',
  },
  order_group_invalid: { status: 422, title: 'The order and the other one of its pair do not go together' },
  kyc_not_approved: ACCOUNT_PROBLEMS.kyc_not_approved,
  account_restricted: ACCOUNT_PROBLEMS.account_restricted,
  under_review: ACCOUNT_PROBLEMS.under_review,
  agreements_outdated: ACCOUNT_PROBLEMS.agreements_outdated,
  account_not_active: ACCOUNT_PROBLEMS.account_not_active,
  position_closed: { status: 409, title: 'The position is closed' },
  exit_under_way: {
    status: 409,
    title: 'An exit of the position was triggered and its order is under way',
  },
  exit_on_wrong_side: {
    status: 422,
    title: 'A stop-loss lies where the position loses, a take-profit where it gains, seen from the mark',
  },
  price_off_tick: { status: 422, title: 'The price is between two steps of the instrument' },
  fee_tiers_disordered: {
    status: 422,
    title: 'Two tiers are alike, or one costs more than one below it',
  },
  fee_tier_currency_fixed: { status: 409, title: 'Volume is counted in another currency' },
  fee_tiers_changed: { status: 409, title: 'The tiers changed since the proposal was made' },
  venue_order_not_unknown: { status: 409, title: 'It is known what became of the order, or being resolved' },
  venue_order_changed: { status: 409, title: 'The venue has reported since the resolution was proposed' },
  venue_execution_known: { status: 409, title: 'The venue has reported an execution with this id' },
  venue_execution_not_covered: {
    status: 422,
    title: 'The order does not cover an execution at this price and quantity',
  },
} as const satisfies ProblemTable;

/** Throws a refusal of trading. */
export const refuseTrading = refusals(TRADING_PROBLEMS);
