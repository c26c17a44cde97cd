import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuseFunding } from '../errors.ts';
import { lastDownloadOf, standingFileOf } from './file-history.ts';

/**
 * Keeps people's word from standing on a locked payout whose file nobody ever fetched: no bank can have paid it by
 * that file, which may be fetched still, or given up.
 * @errors payout_file_not_fetched
 */
export async function refuseUnfetched(tx: Tx, paymentId: Id): Promise<void> {
  const file = await standingFileOf(tx, paymentId);
  if (file !== undefined && (await lastDownloadOf(tx, file.id)) === undefined) {
    throw refuseFunding('payout_file_not_fetched', {
      detail: 'Its file was never fetched: fetch it, or void it first.',
    });
  }
}
