/** Whether the bank can have a repayment by a file: until its bytes were handed out nobody has them. */
import type { Tx } from '../../../platform/db/client.ts';
import { lastDownloadOf } from '../payouts/file-history.ts';
import type { Repayment } from './repayment-status.ts';

/** Whether the last file of a repayment was ever fetched. */
export async function wasHandedOut(tx: Tx, { fileId }: Pick<Repayment, 'fileId'>): Promise<boolean> {
  return fileId !== null && (await lastDownloadOf(tx, fileId)) !== undefined;
}

/**
 * Whether the bank was told, by a file that holds its payee against the lists, to make a repayment that is not known to
 * have failed: a debit that names it is expected then, and one of another needs compliance.
 */
export async function isSent(tx: Tx, row: Pick<Repayment, 'status' | 'fileId'>): Promise<boolean> {
  if (row.status === 'completed') {
    return true;
  }
  return (row.status === 'in_file' || row.status === 'unknown') && wasHandedOut(tx, row);
}
