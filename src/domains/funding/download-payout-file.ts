import { eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { equalSecrets, sha256 } from '../../platform/crypto/keyring.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import { accountOfFile, paidBy, payoutBytes } from './payout-file.ts';
import { payoutFiles } from './schema.ts';

/**
 * The file for the bank, the same bytes each time. If a payee, an amount or the account were changed
 * since, or a person was erased, it is refused instead of made anew.
 * @effects audit `payout_file.downloaded`
 * @errors not_found, payout_file_changed
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
