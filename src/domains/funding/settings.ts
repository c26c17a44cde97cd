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

/** The limit every withdrawal needs a row for. @units hours, rolling */
export const REQUIRED_LIMIT_WINDOW_HOURS = 24;

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

/** What a withdrawal costs besides its amount, in its own asset; an asset without a figure costs nothing. */
export const WITHDRAWAL_FEES: ReadonlyMap<string, Amount> = amounts({ BTC: '0.0001', ETH: '0.001' });

function amounts(table: Readonly<Record<string, string>>): ReadonlyMap<string, Amount> {
  return new Map(Object.entries(table).map(([asset, text]) => [asset, parseAmount(text)]));
}
