import { formatAmount, ONE } from '../../kernel/amount.ts';
import { requestHash } from '../../platform/http/idempotency.ts';
import { storedPicks } from './named-lots.ts';
import type { NewOrder } from './pipeline/ticket.ts';

/** What was asked, in one spelling: `1.50` and `1.5` are the same request; with what `more` was. */
export function hashOf(
  {
    accountId,
    clientOrderId,
    expiresAt,
    leverage,
    limitPrice,
    lots,
    notional,
    postOnly,
    quantity,
    reduceOnly,
    side,
    stopPrice,
    symbol,
    timeInForce,
    trailAmount,
    trailPercent,
    type,
    ...others
  }: NewOrder,
  more?: Readonly<Record<string, unknown>>,
): Uint8Array {
  // A member that comes later belongs into the hash too.
  others satisfies Readonly<Record<string, never>>;
  // In the order of canonical JSON, which then has nothing to sort. What an order before did not know is left out
  // where it says nothing: its hash is what it was.
  return requestHash({
    accountId,
    clientOrderId,
    expiresAt: expiresAt ?? undefined,
    leverage: leverage === ONE ? undefined : formatAmount(leverage),
    limitPrice: text(limitPrice),
    lots: lots === null ? undefined : storedPicks(lots),
    notional: text(notional),
    postOnly,
    quantity: text(quantity),
    reduceOnly: reduceOnly || undefined,
    side,
    stopPrice: text(stopPrice) ?? undefined,
    symbol,
    timeInForce,
    trailAmount: text(trailAmount) ?? undefined,
    trailPercent: text(trailPercent) ?? undefined,
    type,
    ...more,
  });
}

function text(amount: bigint | null): string | null {
  return amount === null ? null : formatAmount(amount);
}
