import { describe, expect, test } from 'bun:test';
import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { inspectContent } from './inspect-content.ts';

const ZIP = Buffer.concat([Buffer.from([0x50, 0x4b, 0x05, 0x06]), Buffer.alloc(18)]);
const HTML = Buffer.from('<html><script>alert(1)</script></html>');

function chunk(type: string, body: Uint8Array): Buffer {
  const framed = Buffer.concat([Buffer.from(type), body]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  sum.writeUInt32BE(crc32(framed));
  return Buffer.concat([length, framed, sum]);
}

function png(width: number, height: number, ...more: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    ...more,
    chunk('IDAT', deflateSync(Buffer.alloc(2))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function segment(marker: number, body: readonly number[]): Buffer {
  const length = body.length + 2;
  return Buffer.from([0xff, marker, length >> 8, length & 0xff, ...body]);
}

function jpeg(
  width: number,
  height: number,
  coded: readonly number[] = [1, 2, 0xff, 0, 0xff, 0xd0, 3],
): Buffer {
  const size = [8, height >> 8, height & 0xff, width >> 8, width & 0xff, 1, 1, 0x11, 0];
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xe0, [...Buffer.from('JFIF\0')]),
    segment(0xc0, size),
    segment(0xda, [1, 1, 0, 0, 63, 0]),
    Buffer.from(coded),
    Buffer.from([0xff, 0xd9]),
  ]);
}

function pdf(body: string): Buffer {
  const page = '1 0 obj <</Type /Page>> endobj 2 0 obj <</Type /Pages /Count 1>> endobj';
  return Buffer.from(`%PDF-1.7\n${page}\n${body}\ntrailer <<>>\nstartxref\n9\n%%EOF\n`, 'latin1');
}

const GOOD = { png: png(640, 480), jpeg: jpeg(640, 480), pdf: pdf('') };

describe('takes', () => {
  test('a picture with its size and a PDF with its pages', () => {
    const size = { width: 640, height: 480, pageCount: null };
    expect(inspectContent(GOOD.png)).toEqual({ contentType: 'image/png', ...size });
    expect(inspectContent(GOOD.jpeg)).toEqual({ contentType: 'image/jpeg', ...size });
    expect(inspectContent(GOOD.pdf)).toEqual({
      contentType: 'application/pdf',
      width: null,
      height: null,
      pageCount: 1,
    });
  });

  test('a JPEG filled up with zeros, and a PDF that opens on a page', () => {
    expect(inspectContent(Buffer.concat([GOOD.jpeg, Buffer.alloc(512)]))).not.toHaveProperty('fault');
    expect(inspectContent(pdf('<</OpenAction [1 0 R /Fit]>>'))).not.toHaveProperty('fault');
  });
});

describe('refuses', () => {
  test.each<[string, Uint8Array, string]>([
    ['an empty file', Buffer.alloc(0), 'unsupported'],
    ['text under any name', HTML, 'unsupported'],
    ['a picture of another kind', Buffer.from('GIF89a  '), 'unsupported'],
    ['a PDF behind something else', Buffer.concat([HTML, GOOD.pdf]), 'unsupported'],
    ['a PNG with an archive behind it', Buffer.concat([GOOD.png, ZIP]), 'data_after_end'],
    ['a PNG with a page behind it', Buffer.concat([GOOD.png, HTML]), 'data_after_end'],
    ['a PNG with an archive inside', png(9, 9, chunk('prVt', ZIP)), 'archive_inside'],
    ['a PNG cut off', GOOD.png.subarray(0, -12), 'truncated'],
    ['only the beginning of a PNG', GOOD.png.subarray(0, 8), 'truncated'],
    ['a PNG without pixels', Buffer.concat([GOOD.png.subarray(0, 33), GOOD.png.subarray(-12)]), 'damaged'],
    ['a PNG with two headers', png(9, 9, GOOD.png.subarray(8, 33)), 'damaged'],
    ['a PNG of two hundred megapixels', png(20_000, 10_000), 'too_large_a_picture'],
    ['a PNG that is nothing but wide', png(12_001, 1), 'too_large_a_picture'],
    ['a PNG with a bomb for a text', png(9, 9, chunk('zTXt', Buffer.alloc(1_048_577))), 'damaged'],
    ['a JPEG with a page behind it', Buffer.concat([GOOD.jpeg, HTML]), 'data_after_end'],
    ['a JPEG with an archive behind it', Buffer.concat([GOOD.jpeg, ZIP]), 'data_after_end'],
    ['a JPEG with an archive in a comment', jpegWith(segment(0xfe, [...ZIP])), 'archive_inside'],
    ['a JPEG cut off', GOOD.jpeg.subarray(0, -2), 'truncated'],
    ['a JPEG without a size', Buffer.from([0xff, 0xd8, 0xff, 0xd9]), 'damaged'],
    ['a JPEG of too many pixels', jpeg(11_000, 11_000), 'too_large_a_picture'],
    ['a PDF cut off', GOOD.pdf.subarray(0, -8), 'truncated'],
    ['a PDF with a page behind it', Buffer.concat([GOOD.pdf, HTML]), 'data_after_end'],
    ['a PDF with an archive inside', pdf(`stream\n${ZIP.toString('latin1')}\nendstream`), 'archive_inside'],
    ['a PDF with a script', pdf('<</S /JavaScript /JS (app.alert(1))>>'), 'active_content'],
    ['a PDF with a script under a hidden name', pdf('<</S /J#61vaScript /JS (1)>>'), 'active_content'],
    ['a PDF that starts a program', pdf('<</S /Launch /F (cmd.exe)>>'), 'active_content'],
    ['a PDF that does something when opened', pdf('<</OpenAction <</S /URI>> >>'), 'active_content'],
    ['a PDF with a file in it', pdf('<</EmbeddedFiles 3 0 R>>'), 'embedded_file'],
    ['a PDF under a password', pdf('<</Encrypt 4 0 R>>'), 'encrypted'],
    ['a PDF of two hundred pages', pdf('<</Type /Pages /Count 200>>'), 'too_many_pages'],
  ])('%s', (_title, bytes, fault) => {
    expect(inspectContent(bytes)).toEqual({ fault } as never);
  });

  test('a PDF that counts its pages a million times, without falling over them', () => {
    const counts = '/Count 1\n'.repeat(1_000_000);
    expect(inspectContent(pdf(`${counts}<</Type /Pages /Count 201>>`))).toEqual({ fault: 'too_many_pages' });
  });

  test('a PNG in which any one byte is another, wherever it is', () => {
    for (let at = 0; at < GOOD.png.length; at += 1) {
      const altered = Buffer.from(GOOD.png);
      altered.writeUInt8((altered.readUInt8(at) + 1) % 256, at);
      expect(`${at} ${'fault' in inspectContent(altered)}`).toBe(`${at} true`);
    }
  });

  test.each(Object.entries(GOOD))('every beginning of a %s that is not the whole', (_kind, bytes) => {
    const whole = bytes.toString('latin1').trimEnd().length;
    for (let length = 0; length < whole; length += 1) {
      expect(`${length} ${'fault' in inspectContent(bytes.subarray(0, length))}`).toBe(`${length} true`);
    }
  });
});

test('whatever the bytes, there is an answer', () => {
  const beginnings = fc.constantFrom(...Object.values(GOOD).map((bytes) => bytes.subarray(0, 30)));
  fc.assert(
    fc.property(beginnings, fc.uint8Array({ maxLength: 400 }), (begins, rest) => {
      expect(inspectContent(Buffer.concat([begins, rest]))).toBeDefined();
    }),
  );
});

function jpegWith(inserted: Buffer): Buffer {
  return Buffer.concat([GOOD.jpeg.subarray(0, 2), inserted, GOOD.jpeg.subarray(2)]);
}
