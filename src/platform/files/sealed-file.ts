/**
 * Large files at rest, encrypted in chunks while they are written, so that neither side needs them in
 * memory. Each chunk is bound to its file and its place in it, the last one to being the last: what is
 * altered, moved or cut off does not open.
 */
import { createHash } from 'node:crypto';
import { open as openFile, rename, rm } from 'node:fs/promises';
import { newId } from '../../kernel/id.ts';
import { type DataKey, openWith, type Place, SealError, seal } from '../crypto/seal.ts';
import type { Ciphertext } from '../db/columns.ts';

const CHUNK_BYTES = 256 * 1024;
const LENGTH_BYTES = 4;
/** What `seal` adds: version, key id, nonce, tag. */
const SEAL_BYTES = 37;
const MAX_FRAME_BYTES = CHUNK_BYTES + SEAL_BYTES;
const FULL_FRAME_BYTES = LENGTH_BYTES + MAX_FRAME_BYTES;

export type WrittenFile = { readonly sizeBytes: number; readonly sha256: string };

/**
 * Writes a file; it appears under its path when it is whole.
 * @shape size and SHA-256 (hex) of the plaintext
 */
export async function writeSealedFile(
  path: string,
  key: DataKey,
  place: Place,
  parts: AsyncIterable<string | Uint8Array>,
): Promise<WrittenFile> {
  const temporary = `${path}.${newId()}`;
  const file = await openFile(temporary, 'wx', 0o600);
  const digest = createHash('sha256');
  let sizeBytes = 0;
  let number = 0;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  const emit = async (chunk: Uint8Array, last: boolean): Promise<void> => {
    const frame = seal(key, placeOf(place, number, last), chunk);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(frame.length);
    await file.write(Buffer.concat([length, frame]));
    number += 1;
  };
  try {
    for await (const part of parts) {
      const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : Buffer.from(part);
      digest.update(bytes);
      sizeBytes += bytes.length;
      waiting.push(bytes);
      waitingBytes += bytes.length;
      if (waitingBytes > CHUNK_BYTES) {
        let rest = Buffer.concat(waiting);
        for (; rest.length > CHUNK_BYTES; rest = rest.subarray(CHUNK_BYTES)) {
          await emit(rest.subarray(0, CHUNK_BYTES), false);
        }
        waiting = [rest];
        waitingBytes = rest.length;
      }
    }
    await emit(Buffer.concat(waiting), true);
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
  return { sizeBytes, sha256: digest.digest('hex') };
}

/**
 * Reads what `writeSealedFile` wrote.
 * @errors SealError when anything of it was altered, moved or cut off
 */
export async function* readSealedFile(path: string, key: DataKey, place: Place): AsyncGenerator<Uint8Array> {
  yield* readSealedRange(path, key, place, { begin: 0, end: Number.POSITIVE_INFINITY });
}

/**
 * Reads the plaintext bytes `[begin, end)` of what `writeSealedFile` wrote, without opening what lies
 * before them: every chunk but the last is of one length.
 * @errors SealError when anything of the part read was altered, moved or cut off
 */
export async function* readSealedRange(
  path: string,
  key: DataKey,
  place: Place,
  { begin, end }: { readonly begin: number; readonly end: number },
): AsyncGenerator<Uint8Array> {
  const file = await openFile(path, 'r');
  try {
    const { size } = await file.stat();
    let number = Math.floor(begin / CHUNK_BYTES);
    let at = number * FULL_FRAME_BYTES;
    // A first chunk is there in every file; of later ones the last may be the one before `begin`.
    for (; at < size || number === 0; number += 1) {
      const length = (await readExactly(file, at, LENGTH_BYTES, place)).readUInt32BE();
      if (length > MAX_FRAME_BYTES) {
        throw new SealError(place, 'a chunk is longer than any that was written');
      }
      const frame = await readExactly(file, at + LENGTH_BYTES, length, place);
      at += LENGTH_BYTES + length;
      const chunk = openWith(key, placeOf(place, number, at >= size), frame as Uint8Array as Ciphertext);
      const start = number * CHUNK_BYTES;
      yield chunk.subarray(Math.max(0, begin - start), Math.min(chunk.length, end - start));
      if (start + chunk.length >= end) {
        return;
      }
    }
  } finally {
    await file.close();
  }
}

async function readExactly(
  file: Awaited<ReturnType<typeof openFile>>,
  at: number,
  length: number,
  place: Place,
): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, at);
  if (bytesRead !== length) {
    throw new SealError(place, 'the file is cut off');
  }
  return buffer;
}

function placeOf(place: Place, number: number, last: boolean): Place {
  return { ...place, rowId: `${place.rowId}/${number}${last ? '/last' : ''}` };
}
