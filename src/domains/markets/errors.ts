import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of markets. */
export const MARKETS_PROBLEMS = {
  unknown_symbol: { status: 422, title: 'No instrument has this symbol' },
  instrument_asset_unknown: { status: 422, title: 'The base or quote asset is not known here' },
  instrument_steps_inexact: {
    status: 422,
    title: 'Tick and lot together have more than 8 decimals, so price times quantity would be rounded',
  },
  instrument_terms_invalid: { status: 422, title: 'The terms of the instrument contradict each other' },
  instrument_identifier_invalid: {
    status: 422,
    title: 'The ISIN or CUSIP has a wrong check digit or form',
  },
  instrument_margin_invalid: {
    status: 422,
    title: 'A contract needs margin terms that cover its leverage, and a spot instrument has none',
  },
  instrument_not_listed: { status: 409, title: 'The instrument is a proposal that nobody approved yet' },
  instrument_delisted: { status: 409, title: 'The instrument is delisted for good' },
  instrument_already_halted: { status: 409, title: 'The instrument is halted, for as long at least' },
  instrument_not_halted: {
    status: 409,
    title: 'The instrument is not halted, or was halted less than a minute ago',
  },
  instrument_has_open_orders: { status: 409, title: 'Orders on the instrument are still open' },
  instrument_has_positions: { status: 409, title: 'Positions in the contract are still open' },
  halt_period_invalid: { status: 422, title: 'A halt ends later than now' },
  sessions_period_invalid: { status: 422, title: 'The period must end after it begins, within 92 days' },
  market_hours_invalid: {
    status: 422,
    title: 'The hours need a time zone, a regular session, and no two sessions of a kind at once',
  },
  market_hours_unchanged: { status: 409, title: 'The exchange has these hours already' },
  half_day_too_late: {
    status: 422,
    title: 'The trading day of the exchange is over by then, so the half day would close nothing',
  },
  holiday_exists: { status: 409, title: 'The exchange keeps all of these holidays already' },
  feed_settings_incomplete: {
    status: 422,
    title:
      'A feed needs the symbol it knows, a limit on jumps and one on silence; without a feed there is no symbol',
  },
  contract_needs_feed: {
    status: 422,
    title: 'A contract is priced by a feed for as long as it is listed: nothing else marks its positions',
  },
  feed_not_for_production: { status: 422, title: 'This feed makes prices up and is for the sandbox' },
  feed_symbol_taken: { status: 409, title: 'Another instrument is priced by this symbol of the feed' },
  price_level_unsettled: {
    status: 409,
    title: 'The feed has not stayed at one level for as many ticks as the instrument asks',
  },
  price_from_feed: {
    status: 409,
    title: 'A feed prices the instrument: nobody sets its price until two people have taken the feed away',
  },
  price_age_missing: {
    status: 409,
    title: 'The price settings of the instrument do not say when a price that nobody confirms is stale',
  },
  reference_price_off_tick: { status: 422, title: 'The price lies between two ticks of the instrument' },
  symbol_taken: { status: 409, title: 'An instrument has this symbol already' },
} as const satisfies ProblemTable;

/** Throws a refusal of markets. */
export const refuseMarkets = refusals(MARKETS_PROBLEMS);
