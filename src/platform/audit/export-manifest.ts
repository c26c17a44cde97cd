/**
 * The manifest of an audit export, `plimsoll-audit-manifest@1`: a C2SP signed note by the log's key over what
 * was asked for and what came out. It binds files that carry no proofs of their own (CSV, Parquet, age) to the
 * log, and says nothing about them that was not so when they were written. Lines, in order, each `name value`:
 * the format's name alone, then origin, export, file, from, to, filters (canonical JSON), rows, tree, root
 * (base64), checkpoint (the signed note, base64), recipient (or none), size (bytes), sha256 (hex, of the file
 * as downloaded) and plain-sha256 (hex, of what is inside the encryption). Its second line is no number, so it
 * can never pass for a checkpoint.
 */
import { canonicalJson } from '../../kernel/canonical-json.ts';
import { toBase64 } from './base64.ts';
import {
  NoteError,
  type NoteSigner,
  type NoteVerifier,
  parseNote,
  signNote,
  verifyNote,
} from './checkpoint.ts';
import type { JsonObject } from './export-format.ts';
import type { StoredCheckpoint } from './log-store.ts';

const MANIFEST_FORMAT = 'plimsoll-audit-manifest@1';
const NAMES = [
  'origin',
  'export',
  'file',
  'from',
  'to',
  'filters',
  'rows',
  'tree',
  'root',
  'checkpoint',
  'recipient',
  'size',
  'sha256',
  'plain-sha256',
] as const;

export type ManifestLines = { readonly [Name in (typeof NAMES)[number]]: string };

export type ManifestFacts = {
  readonly origin: string;
  readonly exportId: string;
  readonly format: string;
  readonly from: string;
  readonly to: string;
  readonly filters: JsonObject;
  readonly rows: number;
  readonly checkpoint: StoredCheckpoint;
  readonly recipient: string | null;
  /** @units bytes, as downloaded */
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly plainSha256: string;
};

/** Signs the manifest of a finished file. */
export function signManifest(facts: ManifestFacts, signer: NoteSigner): string {
  const { checkpoint } = facts;
  const lines: ManifestLines = {
    origin: facts.origin,
    export: facts.exportId,
    file: facts.format,
    from: facts.from,
    to: facts.to,
    filters: canonicalJson(facts.filters),
    rows: String(facts.rows),
    tree: String(checkpoint.size),
    root: toBase64(checkpoint.root),
    checkpoint: toBase64(Buffer.from(checkpoint.note, 'utf8')),
    recipient: facts.recipient ?? 'none',
    size: String(facts.sizeBytes),
    sha256: facts.sha256,
    'plain-sha256': facts.plainSha256,
  };
  const text = NAMES.map((name) => `${name} ${lines[name]}\n`).join('');
  return signNote(`${MANIFEST_FORMAT}\n${text}`, [signer]);
}

/**
 * Reads a manifest that one of the verifiers' keys signed.
 * @errors NoteError when it is no manifest or not signed by any of them
 */
export function verifyManifest(note: string, verifiers: readonly NoteVerifier[]): ManifestLines {
  const { signedBy } = verifyNote(note, verifiers);
  const [format, ...lines] = parseNote(note).text.trimEnd().split('\n');
  const values = lines.map((line, at) => {
    const prefix = `${NAMES[at] ?? ''} `;
    if (!line.startsWith(prefix)) {
      throw new NoteError('note_malformed', `manifest: line ${at + 2} is not ${prefix.trim()}`);
    }
    return [NAMES[at], line.slice(prefix.length)];
  });
  if (format !== MANIFEST_FORMAT || values.length !== NAMES.length) {
    throw new NoteError('note_malformed', `manifest: not ${MANIFEST_FORMAT} with its ${NAMES.length} lines`);
  }
  const manifest = Object.fromEntries(values) as ManifestLines;
  if (!signedBy.includes(manifest.origin)) {
    throw new NoteError('signature_unknown', 'manifest: no signature is by a key of the log it names');
  }
  return manifest;
}
