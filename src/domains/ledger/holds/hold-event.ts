import type { NewEvent } from '../../../platform/outbox/publish.ts';
import type { holds } from '../schema.ts';

export type HoldChange = 'created' | 'captured' | 'released' | 'expired';

/** What the customer is told of a hold: what is reserved and for which kind of reason, not what staff noted. */
export function holdEvent(change: HoldChange, hold: typeof holds.$inferSelect): NewEvent {
  const { id, walletId, asset, amount, remaining, reason, status, expiresAt } = hold;
  return {
    type: `ledger.hold_${change}`,
    userId: hold.userId,
    accountId: hold.accountId,
    customerVisible: true,
    data: { holdId: id, walletId, asset, amount, remaining, reason, status, expiresAt },
  };
}
