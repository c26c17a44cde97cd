/**
 * The proof that one tree begins with another, as a text that stands alone: `plimsoll-consistency@1`, a line
 * `old <size>`, a line `new <size>`, one base64 hash a line, an empty line, and the signed checkpoint of the
 * larger tree. Guarantees: whoever kept a checkpoint of the smaller size proves with it, the text and the log's
 * key that the log only grew.
 * @source RFC 6962 section 2.1.2
 */
import { fromBase64, toBase64 } from './base64.ts';
import { parseDecimal } from './checkpoint.ts';
import { HASH_BYTES, type Hash } from './merkle.ts';

const FORMAT = 'plimsoll-consistency@1';
const MAX_HASHES = 128;

export type ConsistencyFile = {
  readonly oldSize: number;
  readonly size: number;
  readonly proof: readonly Hash[];
  /** The signed note of the larger tree. */
  readonly checkpoint: string;
};

export class ConsistencyFileError extends Error {
  override readonly name = 'ConsistencyFileError';
}

/** Writes the text. */
export function formatConsistency({ oldSize, size, proof, checkpoint }: ConsistencyFile): string {
  const hashes = proof.map((hash) => `${toBase64(hash)}\n`).join('');
  return `${FORMAT}\nold ${oldSize}\nnew ${size}\n${hashes}\n${checkpoint}`;
}

/** Reads the text, nothing verified. @errors ConsistencyFileError when it is of another form */
export function parseConsistency(text: string): ConsistencyFile {
  const split = text.indexOf('\n\n');
  const [format, old = '', next = '', ...lines] = split < 0 ? [] : text.slice(0, split).split('\n');
  const oldSize = old.startsWith('old ') ? parseDecimal(old.slice(4)) : undefined;
  const size = next.startsWith('new ') ? parseDecimal(next.slice(4)) : undefined;
  const proof = lines.slice(0, MAX_HASHES + 1).flatMap((line) => {
    const hash = fromBase64(line);
    return hash?.length === HASH_BYTES ? [hash] : [];
  });
  const whole = proof.length === lines.length && lines.length <= MAX_HASHES;
  if (format !== FORMAT || oldSize === undefined || size === undefined || !whole) {
    throw new ConsistencyFileError(`this is no ${FORMAT}`);
  }
  return { oldSize, size, proof, checkpoint: text.slice(split + 2) };
}
