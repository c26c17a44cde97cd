import type { Id } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { LEDGER_EVENTS } from '../audit.ts';
import type { NewJournal } from '../post-journals.ts';
import type { PostedWallets } from './manual-journal.ts';

/**
 * Tells of a posting by hand: the house has one row with all entries, each holder one with their own.
 * @effects audit `journal.posted`, `journal.reversed` or `fees.swept`; event of the same name for each account
 */
export async function recordPosting(
  tx: Tx,
  ctx: Ctx,
  event: 'journal.posted' | 'journal.reversed' | 'fees.swept',
  journal: NewJournal & { readonly id: Id },
  found: PostedWallets,
): Promise<void> {
  const holders = new Map<Id, Id>();
  for (const { userId, accountId } of found.values()) {
    if (userId !== null && accountId !== null) {
      holders.set(accountId, userId);
    }
  }
  const subjects = [null, ...[...new Set(holders.values())].sort()];
  await recordMany(
    tx,
    ctx,
    subjects.map((subjectUserId) => ({
      event: LEDGER_EVENTS[event],
      resource: { type: 'journal', id: journal.id },
      subjectUserId,
      after: {
        ...journal,
        entries: journal.entries.filter(
          ({ walletId }) => subjectUserId === null || found.get(walletId)?.userId === subjectUserId,
        ),
      },
    })),
  );
  await publish(
    tx,
    ctx,
    [...holders].map(([accountId, userId]) => ({
      type: `ledger.${event.replace('.', '_')}`,
      userId,
      accountId,
      customerVisible: true,
      data: { journalId: journal.id, kind: journal.kind },
    })),
  );
}
