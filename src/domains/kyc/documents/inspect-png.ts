import { crc32 } from 'node:zlib';
import type { Inspection } from './inspect-content.ts';

const SIGNATURE_BYTES = 8;
const FRAME_BYTES = 12;

/** Texts and profiles are compressed; more than this of them is no document. @units bytes */
const MAX_ANCILLARY_BYTES = 1_048_576;

/**
 * Walks the chunks of a PNG to its end, each by its checksum.
 * @source ISO/IEC 15948
 */
export function inspectPng(content: Buffer): Inspection {
  let at = SIGNATURE_BYTES;
  let size: { readonly width: number; readonly height: number } | null = null;
  let hasPixels = false;
  while (at + FRAME_BYTES <= content.length) {
    const length = content.readUInt32BE(at);
    const end = at + FRAME_BYTES + length;
    if (end > content.length) {
      return { fault: 'truncated' };
    }
    const type = content.toString('latin1', at + 4, at + 8);
    if (crc32(content.subarray(at + 4, end - 4)) !== content.readUInt32BE(end - 4)) {
      return { fault: 'damaged' };
    }
    if ((type === 'IHDR') !== (at === SIGNATURE_BYTES) || !isChunk(type, length)) {
      return { fault: 'damaged' };
    }
    if (type === 'IHDR') {
      size = { width: content.readUInt32BE(at + 8), height: content.readUInt32BE(at + 12) };
    }
    hasPixels ||= type === 'IDAT' && length > 0;
    if (type === 'IEND') {
      return ended(content, end, size, hasPixels);
    }
    at = end;
  }
  return { fault: 'truncated' };
}

function isChunk(type: string, length: number): boolean {
  if (!/^[A-Za-z]{4}$/.test(type) || (type === 'IHDR' && length !== 13)) {
    return false;
  }
  const isAncillary = type.charAt(0) === type.charAt(0).toLowerCase();
  return !isAncillary || length <= MAX_ANCILLARY_BYTES;
}

function ended(
  content: Buffer,
  end: number,
  size: { readonly width: number; readonly height: number } | null,
  hasPixels: boolean,
): Inspection {
  if (size === null || size.width === 0 || size.height === 0 || !hasPixels) {
    return { fault: 'damaged' };
  }
  return end < content.length
    ? { fault: 'data_after_end' }
    : { contentType: 'image/png', ...size, pageCount: null };
}
