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
  symbol_taken: { status: 409, title: 'An instrument has this symbol already' },
} as const satisfies ProblemTable;

/** Throws a refusal of markets. */
export const refuseMarkets = refusals(MARKETS_PROBLEMS);
