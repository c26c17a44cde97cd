import { and, eq, isNull } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { transact } from '../../../platform/db/transact.ts';
import { payoutFiles } from '../schema.ts';
import { countPayoutsAsSent } from '../submissions/count-as-sent.ts';
import { PAYOUT_FILE_EVENTS } from './audit.ts';
import { payoutFileDownloads, payoutFileVoids } from './schema.ts';

/**
 * Counts every file as handed out that nobody fetched or gave up as far as these tables know: what came back from
 * elsewhere may have lost who did, and the bank may pay by it. Done already, it does nothing.
 * @effects rows of `payout_file_downloads` by nobody; audit `payout_file.counted_as_fetched`; those of `countPayoutsAsSent`
 * @shape the files that count so from now on
 */
export async function countFilesAsFetched(ctx: Ctx): Promise<readonly Id[]> {
  return transact(ctx, 'engine', async (tx) => {
    const files = await tx
      .select({ file: payoutFiles })
      .from(payoutFiles)
      .leftJoin(payoutFileVoids, eq(payoutFileVoids.fileId, payoutFiles.id))
      .leftJoin(payoutFileDownloads, eq(payoutFileDownloads.fileId, payoutFiles.id))
      .where(and(isNull(payoutFileVoids.fileId), isNull(payoutFileDownloads.fileId)))
      .orderBy(payoutFiles.id);
    const ids = files.map(({ file }) => file.id);
    const downloadedAt = ctx.deps.clock.now();
    await insertRows(
      tx,
      payoutFileDownloads,
      ids.map((fileId) => ({ id: newId(), fileId, downloadedBy: null, downloadedAt })),
    );
    await recordMany(
      tx,
      ctx,
      files.map(({ file }) => ({
        event: PAYOUT_FILE_EVENTS['payout_file.counted_as_fetched'],
        resource: { type: 'payout_file', id: file.id },
        subjectUserId: null,
        after: file,
      })),
    );
    await countPayoutsAsSent(tx, ctx);
    return ids;
  });
}
