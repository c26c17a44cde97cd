import { createHash } from 'node:crypto';
import type { Place } from '../../platform/crypto/seal.ts';

/** What the file of an archived month is bound to. */
export function archivePlace(archiveId: string): Place {
  return { table: 'audit_archives', column: 'file', rowId: archiveId };
}

/**
 * The lines of a file, read as they come, and the digest of what was read.
 * @shape lines without their newlines; the digest as hex, once all lines were read
 */
export function linesOf(bytes: AsyncIterable<Uint8Array>): {
  readonly lines: AsyncGenerator<string>;
  readonly sha256: () => string;
} {
  const digest = createHash('sha256');
  return { lines: split(bytes, (chunk) => digest.update(chunk)), sha256: () => digest.digest('hex') };
}

async function* split(
  bytes: AsyncIterable<Uint8Array>,
  seen: (chunk: Uint8Array) => void,
): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const chunk of bytes) {
    seen(chunk);
    const texts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = texts.pop() ?? '';
    yield* texts;
  }
  const last = rest + decoder.decode();
  if (last !== '') {
    yield last;
  }
}
