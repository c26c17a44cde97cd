import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuseFunding } from '../errors.ts';
import { submissionOf } from './submission-store.ts';

/**
 * Keeps one person's word from completing a locked payout that a provider carries: the provider's own word does, the
 * bank's debit, or two people once nobody knows what became of it.
 * @errors payout_with_provider
 */
export async function refuseCarried(tx: Tx, withdrawalId: Id): Promise<void> {
  if ((await submissionOf(tx, withdrawalId)) !== undefined) {
    throw refuseFunding('payout_with_provider', {
      detail:
        'Where the provider says nothing, say that the outcome is not known, and two people resolve it.',
    });
  }
}

/**
 * Keeps a locked payout from being called unknown of which its provider was not told: nobody can have paid it.
 * @errors payout_with_provider
 */
export async function refuseUntold(tx: Tx, withdrawalId: Id): Promise<void> {
  const submission = await submissionOf(tx, withdrawalId);
  if (submission?.sentAt === null) {
    throw refuseFunding('payout_with_provider', {
      detail: 'Its provider was not told of it yet: two people can say that it failed, and it never is.',
    });
  }
}
