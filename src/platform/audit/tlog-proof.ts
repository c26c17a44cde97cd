/**
 * The c2sp.org/tlog-proof@v1 file: one row's inclusion, checkable offline against a verifier key.
 * Guarantees: a verified file shows that the leaf was in the tree whose head the key signed. Does not
 * authenticate `extra`: a reader recomputes the leaf hash from it, and that is what is proven.
 * @source https://c2sp.org/tlog-proof
 */
import { assert } from '../../kernel/assert.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { type Checkpoint, NoteError, type NoteVerifier, openCheckpoint, parseDecimal } from './checkpoint.ts';
import { HASH_BYTES, type Hash, verifyInclusion } from './merkle.ts';

const HEADER = 'c2sp.org/tlog-proof@v1';
/** A path is as long as the tree is high; sizes are safe integers. */
const MAX_PROOF_HASHES = 63;

/** `checkpoint` is the signed note, verbatim. */
export type TlogProof = {
  readonly index: number;
  readonly hashes: readonly Hash[];
  readonly checkpoint: string;
  readonly extra?: Uint8Array;
};

export type TlogProofErrorCode = 'proof_malformed' | 'checkpoint_refused' | 'inclusion_refused';

export class TlogProofError extends Error {
  override readonly name = 'TlogProofError';
  readonly code: TlogProofErrorCode;

  constructor(code: TlogProofErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Writes a proof file. */
export function formatTlogProof(proof: TlogProof): string {
  assert(Number.isSafeInteger(proof.index) && proof.index >= 0, 'an index is a non-negative safe integer');
  assert(
    proof.hashes.every((hash) => hash.length === HASH_BYTES),
    'a proof hash has 32 bytes',
  );
  const lines = [HEADER];
  if (proof.extra !== undefined) {
    lines.push(`extra ${toBase64(proof.extra)}`);
  }
  lines.push(`index ${proof.index}`, ...proof.hashes.map(toBase64), '');
  return `${lines.join('\n')}\n${proof.checkpoint}`;
}

/**
 * Reads a proof file without verifying it.
 * @errors TlogProofError proof_malformed, with what is wrong
 */
export function parseTlogProof(text: string): TlogProof {
  const malformed = (what: string): TlogProofError =>
    new TlogProofError('proof_malformed', `tlog proof: ${what}`);
  const split = text.indexOf('\n\n');
  if (split < 0) {
    throw malformed('no blank line before the checkpoint');
  }
  const lines = text.slice(0, split).split('\n');
  if (lines.shift() !== HEADER) {
    throw malformed(`the first line is not ${HEADER}`);
  }
  const hasExtra = lines[0]?.startsWith('extra ') === true;
  const extra = hasExtra ? fromBase64((lines.shift() ?? '').slice('extra '.length)) : undefined;
  if (hasExtra && extra === undefined) {
    throw malformed('the extra data is not base64');
  }
  const indexLine = lines.shift() ?? '';
  const index = indexLine.startsWith('index ') ? parseDecimal(indexLine.slice('index '.length)) : undefined;
  if (index === undefined) {
    throw malformed('there is no index line with a decimal number');
  }
  if (lines.length > MAX_PROOF_HASHES) {
    throw malformed('the inclusion proof is longer than any tree is high');
  }
  const hashes = lines.map((line) => {
    const hash = fromBase64(line);
    if (hash?.length !== HASH_BYTES) {
      throw malformed('a proof line is not the base64 of 32 bytes');
    }
    return hash;
  });
  const checkpoint = text.slice(split + 2);
  return extra === undefined ? { index, hashes, checkpoint } : { index, hashes, checkpoint, extra };
}

/**
 * Verifies that a leaf is in the tree of the proof's checkpoint.
 * @errors TlogProofError checkpoint_refused (signature or form), inclusion_refused
 */
export function verifyTlogProof(
  proof: TlogProof,
  leaf: Hash,
  verifiers: readonly NoteVerifier[],
): Checkpoint {
  const checkpoint = openOrRefuse(proof.checkpoint, verifiers);
  if (!verifyInclusion(proof.index, checkpoint.size, leaf, proof.hashes, checkpoint.root)) {
    throw new TlogProofError(
      'inclusion_refused',
      'the proof does not lead from this leaf to the signed root',
    );
  }
  return checkpoint;
}

function openOrRefuse(note: string, verifiers: readonly NoteVerifier[]): Checkpoint {
  try {
    return openCheckpoint(note, verifiers);
  } catch (error) {
    if (error instanceof NoteError) {
      throw new TlogProofError('checkpoint_refused', error.message);
    }
    throw error;
  }
}
