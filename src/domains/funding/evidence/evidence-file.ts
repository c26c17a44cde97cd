import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { equalSecrets, sha256 } from '../../../platform/crypto/keyring.ts';
import { openWith, type Place } from '../../../platform/crypto/seal.ts';
import type { Ciphertext } from '../../../platform/db/columns.ts';
import { refuseFunding } from '../errors.ts';

export type EvidenceFile = { readonly bytes: Uint8Array; readonly sha256: string };

/**
 * Opens a file that was handed in and holds it against the hash of its day: what is shown is what came.
 * @errors evidence_changed; SealError
 */
export function openEvidenceFile(
  ctx: Ctx,
  kept: { readonly id: Id; readonly content: Ciphertext | null } | undefined,
  placeOf: (rowId: Id) => Place,
  fileHash: Uint8Array,
): EvidenceFile {
  if (kept === undefined || kept.content === null) {
    throw refuseFunding('evidence_changed');
  }
  const bytes = openWith(ctx.deps.keyring.house, placeOf(kept.id), kept.content);
  const hash = sha256(bytes);
  if (!equalSecrets(hash, fileHash)) {
    throw refuseFunding('evidence_changed');
  }
  return { bytes, sha256: Buffer.from(hash).toString('hex') };
}
