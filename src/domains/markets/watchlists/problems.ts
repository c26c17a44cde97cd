import { type ProblemTable, refusals } from '../../../kernel/error.ts';

/** Refusals of watchlists. */
export const WATCHLIST_PROBLEMS = {
  watchlist_symbol_repeated: { status: 422, title: 'A watchlist names each instrument once' },
  watchlist_name_taken: { status: 409, title: 'Another watchlist of yours has this name' },
  watchlist_limit_reached: { status: 409, title: 'As many watchlists as one person may have exist already' },
} as const satisfies ProblemTable;

export const refuseWatchlist = refusals(WATCHLIST_PROBLEMS);
