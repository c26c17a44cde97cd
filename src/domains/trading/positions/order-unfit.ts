import type { Id } from '../../../kernel/id.ts';

/** Thrown where an order may not trade what it met; nothing was written. It is cut to `keep`, or ends. */
export class OrderUnfit extends Error {
  override readonly name = 'OrderUnfit';
  readonly orderId: Id;
  readonly reason:
    | 'insufficient_margin'
    | 'margin_not_enabled'
    | 'nothing_to_reduce'
    | 'price_stale'
    | 'price_cap';
  /** What may stay open of it. */
  readonly keep: bigint;
  /** Others that were found in the same look. */
  readonly others: readonly OrderUnfit[];

  constructor(orderId: Id, reason: OrderUnfit['reason'], keep: bigint, others: readonly OrderUnfit[] = []) {
    super('an order met what it may not trade');
    this.orderId = orderId;
    this.reason = reason;
    this.keep = keep;
    this.others = others;
  }
}
