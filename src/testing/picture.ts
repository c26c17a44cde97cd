import { crc32 } from 'node:zlib';

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** The last chunk of every PNG: length, type, checksum. */
const END_BYTES = 12;

/** The smallest PNG with a text in it, so that it is like no other and the text can be looked for. */
export function pictureWith(text: string): Uint8Array<ArrayBuffer> {
  const framed = Buffer.from(`tEXtComment\0${text}`, 'utf8');
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(framed.length - 4);
  sum.writeUInt32BE(crc32(framed));
  return new Uint8Array(
    Buffer.concat([PIXEL.subarray(0, -END_BYTES), length, framed, sum, PIXEL.subarray(-END_BYTES)]),
  );
}
