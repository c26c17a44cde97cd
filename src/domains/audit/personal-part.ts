import type { Id } from '../../kernel/id.ts';
import { keyOfEither, ownerOf } from '../../platform/audit/personal-key.ts';
import { type AuditRow, openPersonal } from '../../platform/audit/row.ts';
import type { Deps } from '../../platform/context.ts';
import { type DataKey, SealError } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';

/** Opens personal parts; null where the person was erased or the ciphertext altered. */
export type PersonalOpener = (row: AuditRow) => ReturnType<typeof openPersonal> | null;

/** Fetches the keys that the personal parts of these rows are under. */
export async function personalOpener(tx: Tx, deps: Deps, rows: readonly AuditRow[]): Promise<PersonalOpener> {
  const people = new Set(rows.flatMap((row) => ownerOfRow(row) ?? []));
  const keys = await deps.personKeys.ofMany(tx, [...people]);
  return (row) => {
    const owner = ownerOfRow(row);
    const own = owner === null ? undefined : keys.get(owner);
    const key = row.actorUserId === null ? keyOfEither(deps.keyring.house, own) : own;
    return key === undefined ? null : openOrNull(key, row);
  };
}

function ownerOfRow({ actorUserId, subjectUserId }: AuditRow): Id | null {
  return ownerOf(actorUserId as Id | null, subjectUserId as Id | null);
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
