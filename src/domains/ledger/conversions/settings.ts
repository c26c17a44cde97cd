/** What the firm publishes about conversions and changes with a release. Rates are rows: a missing one refuses. */

import { type Amount, parseAmount } from '../../../kernel/amount.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** How long an offered price stands, unless its rate ends sooner. @units ms */
export const QUOTE_LIFE_MS = 30_000;

/** How long an offer that nobody took can be looked up; the audit log tells of it for longer. @units ms */
export const UNTAKEN_KEPT_MS = 90 * DAY_MS;

/** Quotes of one account that are neither executed nor over: nobody collects prices to pick from later. */
export const MAX_OPEN_QUOTES = 10;

/** How long a rate set by hand may stand; the market moves on without asking. @units ms */
export const RATE_LIFE_MAX_MS = 7 * DAY_MS;

/** How old an observation may be when it is proposed. @units ms */
export const RATE_AGE_MAX_MS = DAY_MS;

/** How far clocks of those who read rates may be ahead of ours. @units ms */
export const RATE_AHEAD_MAX_MS = MINUTE_MS;

/**
 * What the house may be long or short in by rates that say nothing: those seeded, and those set before a bound was asked for.
 * @units the base of the rate
 */
export const POSITION_MAX_UNSAID: Amount = parseAmount('1000000');

/** What the position of the house is valued in, unless somebody asks for another. */
export const POSITION_ASSET = 'USD';

/** Names the house wallets of the position; one desk takes all of it. */
export const FX_DESK = 'main';
