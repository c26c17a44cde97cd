/**
 * Asks a witness to cosign a checkpoint, as C2SP tlog-witness has it. Guarantees: nothing is taken for a
 * cosignature that does not verify under the witness's key; an answer is bounded in time and size. A witness
 * that is away changes nothing; one that has seen another or a longer log contradicts ours.
 * @source https://c2sp.org/tlog-witness
 */
import { boundedText } from '../bounded-text.ts';
import { toBase64 } from './base64.ts';
import { NoteError, parseCheckpoint, parseDecimal, parseNote } from './checkpoint.ts';
import { cosignedAt, parseSignatureLines, type Witness } from './cosignature.ts';
import type { Hash } from './merkle.ts';

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024;
const SIZE_TYPE = 'text/x.tlog.size';

export type WitnessEndpoint = { readonly url: string; readonly witness: Witness };

export type WitnessAnswer =
  | { readonly kind: 'cosigned'; readonly line: string; readonly seconds: number }
  /** `heldSize`: what the witness says it saw, where that is more than the log has. */
  | { readonly kind: 'contradicted'; readonly fault: string; readonly heldSize?: number }
  | { readonly kind: 'away'; readonly reason: string };

/** Where a checkpoint is held against what the witness saw last. */
export type Submission = {
  readonly note: string;
  /** The size of the tree the witness cosigned last, as far as we know; 0 for none. */
  readonly oldSize: number;
  readonly prove: (oldSize: number) => Promise<readonly Hash[]>;
};

/** Submits a checkpoint; where the witness knows another size, once more from there. */
export async function askWitness(endpoint: WitnessEndpoint, submission: Submission): Promise<WitnessAnswer> {
  const { size } = parseCheckpoint(parseNote(submission.note).text);
  const first = await submit(endpoint, submission, submission.oldSize);
  if (typeof first !== 'number') {
    return first;
  }
  if (first > size) {
    const fault = `the log is behind its witness, which saw ${first} rows`;
    return { kind: 'contradicted', fault, heldSize: first };
  }
  if (first === submission.oldSize) {
    return { kind: 'contradicted', fault: `the witness holds another log of ${first} rows` };
  }
  const second = await submit(endpoint, submission, first);
  return typeof second === 'number' ? { kind: 'away', reason: 'the witness changes its mind' } : second;
}

/** @shape the answer, or the size the witness says it saw last */
async function submit(
  { url, witness }: WitnessEndpoint,
  { note, prove }: Submission,
  oldSize: number,
): Promise<WitnessAnswer | number> {
  const proof = (await prove(oldSize)).map((hash) => `${toBase64(hash)}\n`).join('');
  try {
    const response = await fetch(`${url.replace(/\/$/, '')}/add-checkpoint`, {
      method: 'POST',
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      body: `old ${oldSize}\n${proof}\n${note}`,
    });
    const text = await boundedText(response, MAX_ANSWER_BYTES);
    if (response.status === 200) {
      return cosignatureIn(text, note, witness);
    }
    const type = response.headers.get('content-type') ?? '';
    const known =
      response.status === 409 && type.startsWith(SIZE_TYPE) ? parseDecimal(text.trim()) : undefined;
    if (known !== undefined) {
      return known;
    }
    return response.status === 422
      ? {
          kind: 'contradicted',
          fault: `the witness holds another log: our tree does not continue its ${oldSize} rows`,
        }
      : { kind: 'away', reason: `the witness answers ${response.status}` };
  } catch (failure) {
    return { kind: 'away', reason: failure instanceof Error ? failure.name : 'unknown' };
  }
}

function cosignatureIn(text: string, note: string, witness: Witness): WitnessAnswer {
  const body = parseNote(note).text;
  try {
    const signatures = parseSignatureLines(text);
    for (const [at, signature] of signatures.entries()) {
      const seconds = cosignedAt(body, signature, witness);
      if (seconds !== null) {
        return { kind: 'cosigned', line: `${text.split('\n')[at] ?? ''}\n`, seconds };
      }
    }
  } catch (error) {
    if (!(error instanceof NoteError)) {
      throw error;
    }
  }
  return { kind: 'away', reason: 'no signature of the answer is by the key of the witness' };
}
