/**
 * The figures a firm publishes and changes with a release. Limits are not here: they are rows, and a
 * missing one refuses (I9).
 */
import { type Amount, parseAmount } from '../../kernel/amount.ts';

/** Names the house's bank and custodian wallets. One of each until bank statements tell them apart. */
export const HOUSE_REFERENCE = 'main';

const HOUR_MS = 3_600_000;

/** How long a new beneficiary waits before it can be paid; the sandbox does not wait. @units ms */
export const COOLING_OFF_MS = { production: 24 * HOUR_MS, sandbox: 0 } as const;

/** What customers are told to expect. @units ms */
export const PAYOUT_ESTIMATE_MS = { fiat: 48 * HOUR_MS, other: 24 * HOUR_MS } as const;

/** The limits every withdrawal needs a row for: a day, a week, a month. @units hours, rolling */
export const LIMIT_WINDOW_HOURS = [24, 168, 720] as const;

/**
 * Published: a withdrawal above it waits as `under_review` for two checkers. An asset without a
 * figure always does.
 */
export const REVIEW_ABOVE: ReadonlyMap<string, Amount> = amounts({
  USD: '10000',
  EUR: '10000',
  MUR: '450000',
  BTC: '0.1',
  ETH: '3',
});

/** Both published amounts are of all that a person asks for of an asset within it. @units hours, rolling */
export const REVIEW_WINDOW_HOURS = 24;

/**
 * Above it one of the two checkers must be the MLRO: at ten times the published amount a payout can no
 * longer be called ordinary. An asset without a figure always needs them.
 */
export const MLRO_ABOVE: ReadonlyMap<string, Amount> = amounts({
  USD: '100000',
  EUR: '100000',
  MUR: '4500000',
  BTC: '1',
  ETH: '30',
});

/** Levels whose identity rests on one document alone: two people look at every payout. */
export const LEVELS_OF_TWO: readonly string[] = ['basic'];

/** Travel Rule data are asked for above it; zero asks always. @units the withdrawn asset */
export const TRAVEL_RULE_ABOVE: Amount = parseAmount('0');

/** Withdrawals one payout file may hold; each keeps its locks until the file is whole. */
export const PAYOUT_FILE_MAX = 200;

/** How far ahead of its making a payout file may be carried out. @units days */
export const PAYOUT_AHEAD_DAYS = 31;

function amounts(table: Readonly<Record<string, string>>): ReadonlyMap<string, Amount> {
  return new Map(Object.entries(table).map(([asset, text]) => [asset, parseAmount(text)]));
}
