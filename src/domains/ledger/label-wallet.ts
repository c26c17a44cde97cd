import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { LEDGER_EVENTS } from './audit.ts';
import { shownWallet } from './read-wallets.ts';
import { wallets } from './schema.ts';

/**
 * Puts references of the firm's own systems on a wallet, for who has read it as it is now.
 * @effects one row of `wallets`; audit `wallet.labelled`
 * @errors not_found, self_action, version_mismatch
 */
export async function labelWallet(ctx: Ctx, walletId: Id, metadata: Readonly<Record<string, string>>) {
  return transact(ctx, 'engine', async (tx) => {
    const before = await lockRow(tx, wallets, walletId);
    if (before === undefined) {
      throw refuse('not_found');
    }
    if (before.userId !== null) {
      refuseSelfAction(ctx, before.userId);
    }
    if (before.revision !== ctx.ifMatch) {
      throw refuse('version_mismatch');
    }
    const [row] = await tx.update(wallets).set({ metadata }).where(eq(wallets.id, walletId)).returning();
    const after = present(row, 'the wallet was locked');
    await record(tx, ctx, {
      event: LEDGER_EVENTS['wallet.labelled'],
      resource: { type: 'wallet', id: walletId },
      subjectUserId: before.userId,
      before,
      after,
    });
    return shownWallet(after);
  });
}
