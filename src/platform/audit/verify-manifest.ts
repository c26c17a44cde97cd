/**
 * Verifies an export's file against its manifest (format: export-manifest.ts), offline.
 * Guarantees: a file that is not the one the log's key signed for is found, byte for byte; of a table, every row
 * whose leaf hash its columns do not give is named. Does not guarantee, for a table, that its leaf hashes are
 * those of the log's tree: that is what the signature says of the file as a whole.
 */
import { canonicalJson } from '../../kernel/canonical-json.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { NoteError, type NoteVerifier, openCheckpoint } from './checkpoint.ts';
import type { Finding, Findings } from './export-findings.ts';
import type { ExportHeader } from './export-format.ts';
import { type ManifestLines, verifyManifest } from './export-manifest.ts';
import { rowLeafHash } from './leaf.ts';
import { HASH_BYTES, sameHash, sha256 } from './merkle.ts';

/** A file as it is at hand. @units sha256 as hex */
export type FileDigest = { readonly sizeBytes: number; readonly sha256: string };

/** Which bytes the file has: those that were downloaded, or what an encrypted file has inside. */
export type FileState = 'downloaded' | 'decrypted' | 'altered';

/** The cells of a table's row, as its columns are named; null or '' for none. */
export type TableRow = { readonly [column: string]: string | bigint | null };

/**
 * The lines of a manifest that one of the verifiers signed and whose checkpoint is theirs too; undefined, with a
 * finding, otherwise.
 * @errors NoteError note_malformed where it is no manifest
 */
export function openManifest(
  note: string,
  verifiers: readonly NoteVerifier[],
  findings: Findings,
): ManifestLines | undefined {
  try {
    const lines = verifyManifest(note, verifiers);
    const checkpoint = openCheckpoint(Buffer.from(lines.checkpoint, 'base64').toString('utf8'), verifiers);
    const { origin, size, root } = checkpoint;
    if (origin !== lines.origin || String(size) !== lines.tree || toBase64(root) !== lines.root) {
      findings.add({ code: 'checkpoint_invalid', detail: 'the manifest: its checkpoint is of another tree' });
    }
    return lines;
  } catch (error) {
    if (error instanceof NoteError && error.code.startsWith('signature_')) {
      findings.add({ code: 'signature_invalid', detail: `the manifest: ${error.message}` });
      return undefined;
    }
    throw error;
  }
}

/** Compares a file with what its manifest says it is. @effects a finding where it is another */
export function checkFile(lines: ManifestLines, file: FileDigest, findings: Findings): FileState {
  if (file.sha256 === lines.sha256 && String(file.sizeBytes) === lines.size) {
    return 'downloaded';
  }
  if (lines.recipient !== 'none' && file.sha256 === lines['plain-sha256']) {
    return 'decrypted';
  }
  const detail = `the file has ${file.sizeBytes} bytes and SHA-256 ${file.sha256}, which the manifest does not name`;
  findings.add({ code: 'digest_mismatch', detail });
  return 'altered';
}

/** Compares what an NDJSON file says of itself with its manifest. @effects findings */
export function checkHeader(
  lines: ManifestLines,
  header: ExportHeader,
  shown: number,
  findings: Findings,
): void {
  const note = Buffer.from(lines.checkpoint, 'base64').toString('utf8');
  if (header.origin !== lines.origin || header.checkpoint !== note) {
    findings.add({ code: 'checkpoint_changed', detail: 'file and manifest name different checkpoints' });
  }
  if (header.from !== lines.from || header.to !== lines.to) {
    findings.add({ code: 'header_invalid', detail: 'file and manifest name different periods' });
  }
  if (canonicalJson(header.filters) !== lines.filters) {
    findings.add({ code: 'header_invalid', detail: 'file and manifest name different filters' });
  }
  checkCount(lines, shown, findings);
}

/** Checks the rows of a table one after the other; `finish` compares their number with the manifest's. */
export function checkTable(lines: ManifestLines, findings: Findings) {
  let rows = 0;
  let last = -1;
  return {
    row: (cells: TableRow): void => {
      rows += 1;
      const sequence = Number(textOf(cells, 'sequence'));
      const fault = rowFault(cells, sequence, last, Number(lines.tree));
      if (fault !== undefined) {
        findings.add({ ...fault, ...(Number.isSafeInteger(sequence) && { sequence }), line: rows });
      }
      last = Math.max(last, Number.isSafeInteger(sequence) ? sequence : last);
    },
    finish: (): number => {
      checkCount(lines, rows, findings);
      return rows;
    },
  };
}

function checkCount({ rows }: ManifestLines, shown: number, findings: Findings): void {
  if (String(shown) !== rows) {
    const detail = `the manifest counts ${rows} rows, the file shows ${shown}`;
    findings.add({ code: 'count_mismatch', detail });
  }
}

function rowFault(
  cells: TableRow,
  sequence: number,
  last: number,
  size: number,
): Pick<Finding, 'code' | 'detail'> | undefined {
  if (!Number.isSafeInteger(sequence) || sequence < 0 || sequence >= size) {
    return { code: 'row_inserted', detail: 'its sequence is none of the tree of the checkpoint' };
  }
  if (sequence <= last) {
    return { code: 'row_out_of_order', detail: 'it does not come after the row before it' };
  }
  return isItsLeaf(cells)
    ? undefined
    : { code: 'row_altered', detail: 'its columns do not give the leaf hash beside them' };
}

/** Whether the leaf hash beside a row is the one its columns give. */
function isItsLeaf(cells: TableRow): boolean {
  const leaf = bytesOf(cells, 'leafHash');
  const personalHash = bytesOf(cells, 'personalHash');
  const publicSalt = bytesOf(cells, 'publicSalt');
  if (leaf === undefined || publicSalt === undefined || personalHash?.length !== HASH_BYTES) {
    return false;
  }
  const personal = textOf(cells, 'personal');
  const salt = bytesOf(cells, 'personalSalt');
  const shown = personal === '' || salt === undefined ? undefined : saltedHash(salt, personal);
  if (shown !== undefined && !sameHash(shown, personalHash)) {
    return false;
  }
  const publicHash = saltedHash(publicSalt, textOf(cells, 'public'));
  return sameHash(rowLeafHash({ publicHash, personalHash }), leaf);
}

function saltedHash(salt: Uint8Array, text: string): Uint8Array {
  return sha256(Buffer.concat([salt, Buffer.from(text, 'utf8')]));
}

/** In CSV a cell that begins as a formula does has an apostrophe before it; base64 may begin with a plus sign. */
function bytesOf(cells: TableRow, column: string): Uint8Array | undefined {
  const text = textOf(cells, column);
  return text === '' ? undefined : fromBase64(text.replace(/^'(?=\+)/, ''));
}

function textOf(cells: TableRow, column: string): string {
  const cell = cells[column];
  return cell === null || cell === undefined ? '' : String(cell);
}
