import type { Inspection } from './inspect-content.ts';

const END = 0xd9;
const SCAN = 0xda;

/** Some cameras fill up their last block; nothing but zeros may follow, and not much of it. @units bytes */
const MAX_PADDING_BYTES = 65_536;

/** Frames that say the size; the others of their range are tables. */
const NOT_FRAMES: ReadonlySet<number> = new Set([0xc4, 0xc8, 0xcc]);

/**
 * Walks the segments of a JPEG to its end.
 * @source ITU-T T.81, annex B
 */
export function inspectJpeg(content: Buffer): Inspection {
  let at = 2;
  let size: { readonly width: number; readonly height: number } | null = null;
  let scans = 0;
  for (;;) {
    if (content[at] !== 0xff) {
      return { fault: at >= content.length ? 'truncated' : 'damaged' };
    }
    while (content[at + 1] === 0xff) {
      at += 1;
    }
    const marker = content[at + 1];
    at += 2;
    if (marker === undefined || at + 2 > content.length) {
      return marker === END ? ended(content, at, size, scans) : { fault: 'truncated' };
    }
    if (marker === END) {
      return ended(content, at, size, scans);
    }
    const length = content.readUInt16BE(at);
    if (length < 2 || at + length > content.length) {
      return { fault: length < 2 ? 'damaged' : 'truncated' };
    }
    if (marker >= 0xc0 && marker <= 0xcf && !NOT_FRAMES.has(marker) && length >= 8) {
      size = { height: content.readUInt16BE(at + 3), width: content.readUInt16BE(at + 5) };
    }
    at += length;
    if (marker === SCAN) {
      scans += 1;
      at = endOfScan(content, at);
    }
  }
}

/** Where the next marker after coded data stands: not a stuffed byte and not a restart. */
function endOfScan(content: Buffer, from: number): number {
  let at = from;
  for (;;) {
    at = content.indexOf(0xff, at);
    const next = content[at + 1];
    if (at === -1 || next === undefined) {
      return content.length;
    }
    if (next !== 0x00 && !(next >= 0xd0 && next <= 0xd7)) {
      return at;
    }
    at += 2;
  }
}

function ended(
  content: Buffer,
  end: number,
  size: { readonly width: number; readonly height: number } | null,
  scans: number,
): Inspection {
  if (size === null || size.width === 0 || size.height === 0 || scans === 0) {
    return { fault: 'damaged' };
  }
  const rest = content.subarray(end);
  const isPadding = rest.length <= MAX_PADDING_BYTES && rest.every((byte) => byte === 0);
  return isPadding ? { contentType: 'image/jpeg', ...size, pageCount: null } : { fault: 'data_after_end' };
}
