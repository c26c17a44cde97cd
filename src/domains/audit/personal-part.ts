import type { Id } from '../../kernel/id.ts';
import { type AuditRow, openPersonal } from '../../platform/audit/row.ts';
import type { Deps } from '../../platform/context.ts';
import { type DataKey, SealError } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';

/** Opens personal parts; null where the person was erased or the ciphertext altered. */
export type PersonalOpener = (row: AuditRow) => ReturnType<typeof openPersonal> | null;

/** Fetches the keys of those who acted in these rows; machines' rows are under the house's key. */
export async function personalOpener(tx: Tx, deps: Deps, rows: readonly AuditRow[]): Promise<PersonalOpener> {
  const people = [...new Set(rows.flatMap((row) => row.actorUserId ?? []))];
  const keys = await deps.personKeys.ofMany(tx, people as Id[]);
  return (row) => {
    const key = row.actorUserId === null ? deps.keyring.house : keys.get(row.actorUserId as Id);
    return key === undefined ? null : openOrNull(key, row);
  };
}

function openOrNull(key: DataKey, row: AuditRow): ReturnType<typeof openPersonal> | null {
  try {
    return openPersonal(key, row);
  } catch (error) {
    if (error instanceof SealError) {
      return null;
    }
    throw error;
  }
}
