/**
 * Large files at rest, encrypted in chunks while they are written, so that neither side needs them in
 * memory. Each chunk is bound to its file and its place in it, the last one to being the last: what is
 * altered, moved or cut off does not open.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open as openFile, rename, rm } from 'node:fs/promises';
import { assert } from '../../kernel/assert.ts';
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
 * Writes a file; it appears under its path when it is whole. A part is copied before the next is asked for.
 * `sha256Of` gives the digest of all parts where the caller keeps it anyway; it is taken here otherwise.
 * @shape size and SHA-256 (hex) of the plaintext
 */
export async function writeSealedFile(
  path: string,
  key: DataKey,
  place: Place,
  parts: AsyncIterable<string | Uint8Array>,
  sha256Of?: () => string,
): Promise<WrittenFile> {
  const temporary = `${path}.${newId()}`;
  const file = await openFile(temporary, 'wx', 0o600);
  const digest = sha256Of === undefined ? createHash('sha256') : undefined;
  const emit = chunkWriter(file, key, place);
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let filled = 0;
  let sizeBytes = 0;
  try {
    for await (const part of parts) {
      const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part;
      digest?.update(bytes);
      sizeBytes += bytes.length;
      for (let from = 0; from < bytes.length; ) {
        // A full chunk waits for a byte after it: the last one says that it is.
        if (filled === CHUNK_BYTES) {
          await emit(chunk, false);
          filled = 0;
        }
        const taken = bytes.subarray(from, from + CHUNK_BYTES - filled);
        chunk.set(taken, filled);
        filled += taken.length;
        from += taken.length;
      }
    }
    await emit(chunk.subarray(0, filled), true);
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
  return { sizeBytes, sha256: digest?.digest('hex') ?? sha256Of?.() ?? '' };
}

/** Seals chunks and writes them, each behind the last. */
function chunkWriter(file: FileHandle, key: DataKey, place: Place) {
  let number = 0;
  return async (chunk: Uint8Array, last: boolean): Promise<void> => {
    const frame = seal(key, placeOf(place, number, last), chunk);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(frame.length);
    number += 1;
    // Each by itself: the runtime would copy both to write them together.
    for (const bytes of [length, frame]) {
      const { bytesWritten } = await file.write(bytes);
      assert(bytesWritten === bytes.length, 'the disk takes a whole chunk');
    }
  };
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
  let next: Promise<Frame> | undefined;
  try {
    const { size } = await file.stat();
    let number = Math.floor(begin / CHUNK_BYTES);
    let [room, other] = [Buffer.allocUnsafeSlow(FULL_FRAME_BYTES), Buffer.allocUnsafeSlow(FULL_FRAME_BYTES)];
    // The next chunk is on its way while this one is opened, each into bytes of its own.
    const ask = (at: number): Promise<Frame> => {
      [room, other] = [other, room];
      const asked = readFrame(file, at, room, place);
      // Its fault is thrown where it is awaited; a reader who stops before leaves none unheard.
      asked.catch(() => {});
      return asked;
    };
    next = ask(number * FULL_FRAME_BYTES);
    // A first chunk is there in every file; of later ones the last may be the one before `begin`.
    for (let at = number * FULL_FRAME_BYTES; at < size || number === 0; number += 1) {
      const frame: Frame = await next;
      at = frame.end;
      const start = number * CHUNK_BYTES;
      if (at < size && start + CHUNK_BYTES < end) {
        next = ask(at);
      }
      const chunk = openWith(
        key,
        placeOf(place, number, at >= size),
        frame.sealed as Uint8Array as Ciphertext,
      );
      yield chunk.subarray(Math.max(0, begin - start), Math.min(chunk.length, end - start));
      if (start + chunk.length >= end) {
        return;
      }
    }
  } finally {
    await next?.catch(() => {});
    await file.close();
  }
}

/** A chunk as it lies in the file, and where the next one begins. */
type Frame = { readonly sealed: Buffer; readonly end: number };

async function readFrame(file: FileHandle, at: number, room: Buffer, place: Place): Promise<Frame> {
  const { bytesRead } = await file.read(room, 0, room.length, at);
  const length = bytesRead < LENGTH_BYTES ? 0 : room.readUInt32BE();
  if (length > MAX_FRAME_BYTES) {
    throw new SealError(place, 'a chunk is longer than any that was written');
  }
  const end = LENGTH_BYTES + length;
  if (bytesRead < end || length === 0) {
    throw new SealError(place, 'the file is cut off');
  }
  return { sealed: room.subarray(LENGTH_BYTES, end), end: at + end };
}

function placeOf(place: Place, number: number, last: boolean): Place {
  return { ...place, rowId: `${place.rowId}/${number}${last ? '/last' : ''}` };
}
