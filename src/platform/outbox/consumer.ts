import type { Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../context.ts';

/** A domain event as the relay delivers it: at least once, ordered per account (else per user). */
export type DeliveredEvent = {
  readonly id: Id;
  readonly position: bigint;
  readonly type: string;
  readonly userId: Id | null;
  readonly accountId: Id | null;
  readonly data: { readonly [key: string]: Json };
  readonly occurredAt: Instant;
};

/** An in-process handler. Idempotent: the relay may deliver an event again after a crash. */
export type Consumer = {
  /** `domain.purpose`, for good: it names the consumer's position. */
  readonly name: string;
  readonly types: readonly string[];
  /** So often an event is tried before it is parked, where that is not as often as those of others. */
  readonly maxAttempts?: number;
  readonly handle: (ctx: Ctx, event: DeliveredEvent) => Promise<void>;
};
