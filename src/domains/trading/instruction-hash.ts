import { formatAmount, ONE } from '../../kernel/amount.ts';
import { requestHash } from '../../platform/http/idempotency.ts';
import { storedPicks } from './named-lots.ts';
import type { NewOrder } from './pipeline/ticket.ts';

/** What was asked, in one spelling: `1.50` and `1.5` are the same request; with what `more` was. */
export function hashOf(
  { leverage, reduceOnly, expiresAt, lots, ...order }: NewOrder,
  more: Readonly<Record<string, unknown>> = {},
): Uint8Array {
  const text = (amount: bigint | null) => (amount === null ? null : formatAmount(amount));
  return requestHash({
    ...order,
    ...more,
    ...(leverage === ONE ? {} : { leverage: text(leverage) }),
    // What an order before did not know is left out where it says nothing: its hash is what it was.
    ...(reduceOnly ? { reduceOnly } : {}),
    ...(expiresAt === null ? {} : { expiresAt }),
    ...(lots === null ? {} : { lots: storedPicks(lots) }),
    stopPrice: text(order.stopPrice) ?? undefined,
    trailAmount: text(order.trailAmount) ?? undefined,
    trailPercent: text(order.trailPercent) ?? undefined,
    quantity: text(order.quantity),
    notional: text(order.notional),
    limitPrice: text(order.limitPrice),
  });
}
