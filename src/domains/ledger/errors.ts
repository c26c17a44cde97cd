import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of the ledger. */
export const LEDGER_PROBLEMS = {
  insufficient_funds: { status: 422, title: 'The wallet does not hold enough available funds' },
  wallet_not_active: { status: 422, title: 'The wallet is suspended or closed' },
  asset_exists: { status: 409, title: 'The asset is known already' },
  unknown_asset: { status: 422, title: 'The asset is not known here' },
} as const satisfies ProblemTable;

/** Throws a ledger refusal. */
export const refuseLedger = refusals(LEDGER_PROBLEMS);
