import { and, eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { equalSecrets, sha256 } from '../../platform/crypto/keyring.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { gateRefusal, lockGates } from '../identity/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import { freshenPayouts, refuseUnscreened } from './freshen-payouts.ts';
import { accountOfFile, paidBy, payoutBytes } from './payout-file.ts';
import { payoutFileItems, payoutFiles, withdrawals } from './schema.ts';
import type { Withdrawal } from './store.ts';

/**
 * The file for the bank, the same bytes each time. If a payee, an amount or the account were changed
 * since, or a person was erased, it is refused instead of made anew; and while a payee's customer may not pay
 * out, so that what was made before they were stopped does not leave after it. Freshen it first, in transactions
 * of their own.
 * @effects audit `payout_file.downloaded`
 * @errors not_found, payout_file_stopped, screening_behind, payout_file_changed
 */
export async function downloadPayoutFile(
  ctx: Ctx,
  fileId: Id,
): Promise<{ readonly bytes: Uint8Array; readonly name: string }> {
  return transact(ctx, 'staff', async (tx) => {
    const [file] = await tx.select().from(payoutFiles).where(eq(payoutFiles.id, fileId));
    if (file === undefined) {
      throw refuse('not_found');
    }
    const paid = await paidBy(tx, file);
    await refuseStopped(tx, ctx, paid);
    const keys = await ctx.deps.personKeys.ofMany(
      tx,
      paid.map((row) => row.userId),
    );
    if (!paid.every((row) => keys.has(row.userId))) {
      throw refuseFunding('payout_file_changed');
    }
    const bytes = await payoutBytes(tx, ctx, file, await accountOfFile(tx, file), paid);
    if (!equalSecrets(sha256(bytes), file.fileHash)) {
      throw refuseFunding('payout_file_changed');
    }
    await record(tx, ctx, {
      event: FUNDING_EVENTS['payout_file.downloaded'],
      resource: { type: 'payout_file', id: file.id },
      subjectUserId: null,
      after: file,
    });
    return { bytes, name: `${file.messageId}.xml` };
  });
}

/**
 * Holds those paid by a file against the lists that became active since it was made: days may lie between.
 * @effects as `freshenPayouts`, for what has not been settled
 */
export async function freshenPayoutFile(ctx: Ctx, fileId: Id): Promise<void> {
  const begun = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ id: withdrawals.id })
      .from(payoutFileItems)
      .innerJoin(withdrawals, eq(withdrawals.id, payoutFileItems.withdrawalId))
      .where(and(eq(payoutFileItems.fileId, fileId), eq(withdrawals.status, 'processing'))),
  );
  await freshenPayouts(
    ctx,
    begun.map(({ id }) => id),
  );
}

/**
 * The gates come before anything is locked; what is settled has left and stops nothing.
 * @errors payout_file_stopped, screening_behind
 */
async function refuseStopped(tx: Tx, ctx: Ctx, paid: readonly Withdrawal[]): Promise<void> {
  const begun = paid.filter(({ status }) => status === 'processing');
  const gates = await lockGates(
    tx,
    begun.map(({ userId }) => userId),
  );
  if (begun.some(({ userId }) => gateRefusal(gates.get(userId), 'money_out') !== null)) {
    throw refuseFunding('payout_file_stopped');
  }
  await refuseUnscreened(tx, ctx, begun);
}
