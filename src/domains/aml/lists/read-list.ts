/**
 * Reads the files of a list without holding up whatever else the process serves: a large publication takes seconds
 * and is read by a worker, which hands over its entries in portions. It guarantees an end: a reader that takes too
 * long is stopped and the file refused.
 */
import { isReadable } from '../read-listed.ts';
import { entityHash, type ListEntity, screeningHash } from './entity.ts';
import { type ListFormatCode, ListFormatError } from './list-format-error.ts';
import { type ListFiles, type ListFormat, parseListFiles } from './parse-list.ts';

/** An entry as it is stored, with what is counted of it. @shape hashes in hexadecimal, the record as JSON text */
export type ReadEntity = {
  readonly sourceId: string;
  readonly kind: string;
  readonly hash: string;
  readonly screeningHash: string;
  readonly record: string;
  readonly names: number;
  readonly identifiers: number;
  /** Names that nobody can be compared with. */
  readonly unreadable: number;
};

/** What a reading worker says. */
export type ReadMessage =
  | { readonly kind: 'entities'; readonly entities: readonly ReadEntity[] }
  | { readonly kind: 'done' }
  | {
      readonly kind: 'refused';
      readonly code: ListFormatCode;
      readonly detail: string;
      readonly line: number | undefined;
    }
  | { readonly kind: 'failed'; readonly failure: string };

/** Below this a file is read at once: it takes less than starting a worker. @units bytes */
const SMALL_BYTES = 128 * 1024;
const TIMEOUT_MS = 5 * 60_000;

/** @errors ListFormatError */
export async function readList(format: ListFormat, files: ListFiles): Promise<readonly ReadEntity[]> {
  const bytes = Object.values(files).reduce((total, file) => total + file.byteLength, 0);
  return bytes < SMALL_BYTES ? parseListFiles(format, files).map(readEntity) : readInWorker(format, files);
}

/** An entry with its digests, ready to be stored. */
export function readEntity(entity: ListEntity): ReadEntity {
  return {
    sourceId: entity.sourceId,
    kind: entity.kind,
    hash: entityHash(entity),
    screeningHash: screeningHash(entity),
    record: JSON.stringify(entity),
    names: entity.names.length,
    identifiers: entity.identifiers.length,
    unreadable: entity.names.filter(({ name }) => !isReadable(name, entity.kind)).length,
  };
}

function readInWorker(format: ListFormat, files: ListFiles): Promise<readonly ReadEntity[]> {
  const worker = new Worker(new URL('./read-list-worker.ts', import.meta.url).href);
  const entities: ReadEntity[] = [];
  const reading = new Promise<readonly ReadEntity[]>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new ListFormatError('file_too_large', 'reading it takes too long')),
      TIMEOUT_MS,
    );
    worker.addEventListener('close', () => {
      clearTimeout(timer);
      reject(new Error('the reader of a list ended early'));
    });
    worker.addEventListener('error', (event) =>
      reject(new Error(`the reader of a list failed: ${event.message}`)),
    );
    worker.addEventListener('message', ({ data }: MessageEvent<ReadMessage>) => {
      switch (data.kind) {
        case 'entities':
          entities.push(...data.entities);
          return;
        case 'done':
          resolve(entities);
          return;
        case 'refused':
          reject(new ListFormatError(data.code, data.detail, data.line));
          return;
        case 'failed':
          reject(new Error(`the reader of a list failed: ${data.failure}`));
          return;
        default:
      }
    });
    worker.postMessage({ format, files });
  });
  return reading.finally(() => worker.terminate());
}
