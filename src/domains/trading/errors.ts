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
    title:
      'An entry with exits, and one of a group that was triggered or replaced a thousand times, is not replaced: cancel it and place it anew',
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
  takeover_of_paper: { status: 409, title: 'The firm takes over positions of live accounts only' },
  liquidation_not_running: {
    status: 409,
    title: 'The account is not being liquidated, or is well again, or it is another liquidation by now',
  },
  liquidation_finds_takers: {
    status: 409,
    title: 'The orders of the liquidation have not gone without a taker for so long',
  },
  closing_under_way: {
    status: 409,
    title: 'An order that closes the position is with a venue, or was placed just now',
  },
  instrument_not_trading: {
    status: 409,
    title: 'The instrument is halted, its exchange closed, or it is stopped',
  },
  mark_not_vouched: { status: 409, title: 'Nobody stands for the price of the position just now' },
  mark_moved: { status: 409, title: 'The mark is too far from the one that was agreed on' },
  takeover_quantity_invalid: {
    status: 422,
    title: 'More than the liquidation would close, or no whole lots that leave what can be closed',
  },
  money_tied: {
    status: 409,
    title: 'Open orders of the account reserve what would pay the loss; they are being cancelled',
  },
  takeover_unfit: { status: 409, title: 'The position or its price is not what it was' },
} as const satisfies ProblemTable;

/** Throws a refusal of trading. */
export const refuseTrading = refusals(TRADING_PROBLEMS);
