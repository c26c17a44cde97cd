/** Whether a payout file may be at the bank, and which file a payout stands in. */
import { and, desc, eq, isNull, sql } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { holdsPayment } from '../payout-accounts.ts';
import type { PayoutFile } from '../payout-file.ts';
import { payoutFiles } from '../schema.ts';
import { payoutFileDownloads, payoutFileVoids } from './schema.ts';

/** When a file was last handed out; undefined while it never was. */
export async function lastDownloadOf(tx: Tx, fileId: Id): Promise<Instant | undefined> {
  const [last] = await tx
    .select({ at: payoutFileDownloads.downloadedAt })
    .from(payoutFileDownloads)
    .where(eq(payoutFileDownloads.fileId, fileId))
    .orderBy(desc(payoutFileDownloads.downloadedAt))
    .limit(1);
  return last?.at;
}

/** Whether two people gave the file up. */
export async function isVoid(tx: Tx, fileId: Id): Promise<boolean> {
  const rows = await tx
    .select({ id: payoutFileVoids.fileId })
    .from(payoutFileVoids)
    .where(eq(payoutFileVoids.fileId, fileId));
  return rows.length > 0;
}

/** The last file a payment is made by; undefined where it is paid otherwise, or its files were given up. */
export async function standingFileOf(tx: Tx, paymentId: Id): Promise<PayoutFile | undefined> {
  const [row] = await tx
    .select({ file: payoutFiles })
    .from(payoutFiles)
    .leftJoin(payoutFileVoids, eq(payoutFileVoids.fileId, payoutFiles.id))
    .where(and(holdsPayment(paymentId), isNull(payoutFileVoids.fileId)))
    .orderBy(desc(payoutFiles.createdAt), desc(payoutFiles.id))
    .limit(1);
  return row?.file;
}

/**
 * Keeps that a file is handed out. The caller has locked its payments, as whoever sets one of them free does.
 * @effects one row of `payout_file_downloads`
 */
export async function keepDownload(tx: Tx, ctx: Ctx, fileId: Id, downloadedBy: Id): Promise<void> {
  await tx
    .insert(payoutFileDownloads)
    .values({ id: newId(), fileId, downloadedBy, downloadedAt: ctx.deps.clock.now() });
}

/** When a listed file was first handed out and when it was given up, for reading. */
export const FILE_HISTORY = {
  downloadedAt: sql<Instant | null>`(
    select min(d.downloaded_at) from payout_file_downloads d where d.file_id = payout_files.id)`.mapWith(
    payoutFileDownloads.downloadedAt,
  ),
  voidedAt: sql<Instant | null>`(
    select v.voided_at from payout_file_voids v where v.file_id = payout_files.id)`.mapWith(
    payoutFileVoids.voidedAt,
  ),
};
