import type { Amount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Outcome } from '../intake/queue.ts';
import type { transfers } from '../schema.ts';

/** What a customer asks for. */
export type NewTransfer = {
  readonly fromAccountId: Id;
  readonly toAccountId: Id;
  readonly asset: string;
  readonly amount: Amount;
};

/** One caller's transfer, with their own context: actor, request and address go into its audit row. */
export type TransferTicket = {
  readonly ctx: Ctx;
  readonly userId: Id;
  readonly transfer: NewTransfer;
  readonly idempotencyKey: string;
  readonly requestHash: Uint8Array;
};

export type Transfer = typeof transfers.$inferSelect;

export type Transferred = {
  readonly transfer: Transfer;
  /** The key was used before; nothing happened now. */
  readonly replayed: boolean;
};

export type TransferOutcome = Outcome<TransferTicket, Transferred>;
