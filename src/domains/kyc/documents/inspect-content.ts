/**
 * What a document's bytes are, by their whole structure. It refuses a file that is anything besides one picture or
 * one inert PDF: a second file behind the first, a script inside, a size that would burden who looks at it. Nothing
 * is decompressed, so nothing can go off here. It does not look for malware and cannot tell a forgery.
 */
import { inspectJpeg } from './inspect-jpeg.ts';
import { inspectPdf } from './inspect-pdf.ts';
import { inspectPng } from './inspect-png.ts';

export type ContentFault =
  | 'truncated'
  | 'data_after_end'
  | 'too_large_a_picture'
  | 'damaged'
  | 'encrypted'
  | 'active_content'
  | 'embedded_file'
  | 'archive_inside'
  | 'too_many_pages';

export type Inspected = {
  readonly contentType: 'application/pdf' | 'image/jpeg' | 'image/png';
  /** @units pixels; null for a PDF */
  readonly width: number | null;
  readonly height: number | null;
  /** Null for a picture, and where a PDF does not say it in the clear. */
  readonly pageCount: number | null;
};

export type Inspection = Inspected | { readonly fault: ContentFault } | { readonly fault: 'unsupported' };

/** @units pixels */
const MAX_SIDE = 12_000;
const MAX_PIXELS = 60_000_000;

/** The end of a ZIP archive; readers look for it from the end of a file, whatever it begins with. */
const ZIP_END = Buffer.from([0x50, 0x4b, 0x05, 0x06]);
const ZIP_SEARCHED_BYTES = 65_557;

/** Reads the whole of a file of limited size. */
export function inspectContent(bytes: Uint8Array): Inspection {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const inspected = inspectByBeginning(content);
  if ('fault' in inspected) {
    return inspected;
  }
  if (content.subarray(-ZIP_SEARCHED_BYTES).includes(ZIP_END)) {
    return { fault: 'archive_inside' };
  }
  return isTooLarge(inspected) ? { fault: 'too_large_a_picture' } : inspected;
}

function inspectByBeginning(content: Buffer): Inspection {
  if (content.subarray(0, 8).equals(PNG_BEGINS)) {
    return inspectPng(content);
  }
  if (content[0] === 0xff && content[1] === 0xd8 && content[2] === 0xff) {
    return inspectJpeg(content);
  }
  return content.subarray(0, 5).equals(PDF_BEGINS) ? inspectPdf(content) : { fault: 'unsupported' };
}

const PNG_BEGINS = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const PDF_BEGINS = Buffer.from('%PDF-');

function isTooLarge({ width, height }: Inspected): boolean {
  return (
    width !== null &&
    height !== null &&
    (width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS)
  );
}
