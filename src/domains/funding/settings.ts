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

/** The published amounts of the ledger's `votesForAll` are of all that a person asks for within it. @units hours, rolling */
export const REVIEW_WINDOW_HOURS = 24;

/** Levels whose identity rests on one document alone: two people look at every payout. */
export const LEVELS_OF_TWO: readonly string[] = ['basic'];

/** Travel Rule data are asked for above it; zero asks always. @units the withdrawn asset */
export const TRAVEL_RULE_ABOVE: Amount = parseAmount('0');

/** Withdrawals one payout file may hold; each keeps its locks until the file is whole. */
export const PAYOUT_FILE_MAX = 200;

/** How far ahead of its making a payout file may be carried out. @units days */
export const PAYOUT_AHEAD_DAYS = 31;

/**
 * How long after its day a bank may still carry out a file: one that falls on a Friday evening or a holiday is paid on
 * the next working day. Only statements of later days than that show that it was not. @units days
 */
export const EXECUTION_GRACE_DAYS = 3;

/** The suspense wallet where a refund lies that nobody could be paid, until people book whose it is. */
export const GIVEN_UP_REFERENCE = 'repayments-given-up';

/**
 * How long a dispute waits for its provider's word before it is a person's work: card schemes have theirs decided within
 * about this long. @units days
 */
export const DISPUTE_DAYS = 90;
