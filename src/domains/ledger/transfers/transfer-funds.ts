import { personOf } from '../../../kernel/actor.ts';
import { formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Ctx } from '../../../platform/context.ts';
import { requestHash } from '../../../platform/http/idempotency.ts';
import { ledgerIntake } from '../intake/intake.ts';
import type { NewTransfer, Transferred } from './ticket.ts';

/**
 * Moves settled money or units between two accounts of the acting person. The answer comes when it is
 * durable; transfers that arrive together share a commit. A retried key answers what it first did.
 * @effects rows of `transfers`, `journals`, `ledger_entries`, for units `lots`; audit `transfer.posted`; event
 *   `ledger.transfer_posted`
 * @errors busy, unavailable, idempotency_key_reused, not_found, transfer_books_differ, the gate's,
 *   account_not_active, unknown_asset, amount_too_precise, wallet_not_active, margin_unknown,
 *   insufficient_funds,
 *   balance_out_of_range
 */
export async function transferFunds(ctx: Ctx, transfer: NewTransfer): Promise<Transferred> {
  return ledgerIntake(ctx.deps).submit({
    ctx,
    userId: present(personOf(ctx.actor), 'a transfer is asked for by a person'),
    transfer,
    idempotencyKey: present(ctx.idempotencyKey, 'the operation requires a key'),
    // `1.50` and `1.5` are the same request.
    requestHash: requestHash({ ...transfer, amount: formatAmount(transfer.amount) }),
  });
}
