import { and, eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuseFunding } from '../errors.ts';
import { inboundEvents } from '../evidence/schema.ts';

/**
 * Whether a provider, or any, ever said that it paid a locked payout: of another amount, of one that nobody here had
 * begun, or before it said something else. What it said last does not take that back, nor does whoever closes the event.
 */
export async function hasSaidPaid(tx: Tx, withdrawalId: Id, provider?: string): Promise<boolean> {
  const [event] = await tx
    .select({ id: inboundEvents.id })
    .from(inboundEvents)
    .where(
      and(
        eq(inboundEvents.withdrawalId, withdrawalId),
        eq(inboundEvents.type, 'payout.paid'),
        provider === undefined ? undefined : eq(inboundEvents.provider, provider),
      ),
    )
    .limit(1);
  return event !== undefined;
}

/**
 * Keeps a locked withdrawal that nobody here began from being taken back while a provider says that it paid it: a
 * restore may have lost its beginning. Begun once more, it is asked about first.
 * @errors payout_on_statement
 */
export async function refuseSaidPaid(tx: Tx, withdrawalId: Id): Promise<void> {
  if (await hasSaidPaid(tx, withdrawalId)) {
    throw refuseFunding('payout_on_statement', { detail: 'A provider said that it paid it.' });
  }
}
