import { describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import type { DomainError } from '../../kernel/error.ts';
import { refuseOtherBody } from './content-digest.ts';
import { readBody } from './read-body.ts';

const BODY = new TextEncoder().encode('{"hello": "world"}');
const SHA256 = createHash('sha256').update(BODY).digest('base64');
/** @source RFC 9421 B.2, the digest of the same body */
const SHA512 = 'WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==';

function codeOf(digest: string | null, bytes = BODY, signed = false): string {
  const headers = new Headers(signed ? { 'signature-input': 'sig=()' } : {});
  if (digest !== null) {
    headers.set('content-digest', digest);
  }
  try {
    refuseOtherBody(headers, bytes);
    return 'accepted';
  } catch (error) {
    return (error as DomainError).code;
  }
}

describe('a body is held to its Content-Digest', () => {
  test.each<[string, string | null, string]>([
    ['none', null, 'accepted'],
    ['its own', `sha-256=:${SHA256}:`, 'accepted'],
    ['the published SHA-512', `sha-512=:${SHA512}:`, 'accepted'],
    ['both', `sha-256=:${SHA256}:, sha-512=:${SHA512}:`, 'accepted'],
    ['one that is not looked at', 'md5=:AAAA:', 'accepted'],
    ['one that is not looked at beside its own', `md5=:AAAA:, sha-256=:${SHA256}:`, 'accepted'],
    ['one of two wrong', `sha-256=:${SHA256}:, sha-512=:AAAA:`, 'content_digest_mismatch'],
    ['a short one', 'sha-256=:AAAA:', 'content_digest_mismatch'],
    ['that of nothing', 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:', 'content_digest_mismatch'],
    ['text for bytes', `sha-256="${SHA256}"`, 'content_digest_mismatch'],
    ['a name alone', 'sha-256', 'content_digest_mismatch'],
    ['what cannot be read', `sha-256=${SHA256}`, 'content_digest_mismatch'],
  ])('%s', (_what, digest, code) => {
    expect(codeOf(digest)).toBe(code);
    expect(codeOf(digest, BODY, true)).toBe(code === 'accepted' ? 'accepted' : 'signature_invalid');
  });

  test('of the published SHA-256 with a line feed, and of nothing', () => {
    const published = 'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:';
    expect(codeOf(published, new TextEncoder().encode('{"hello": "world"}\n'))).toBe('accepted');
    expect(codeOf(published)).toBe('content_digest_mismatch');
    expect(codeOf('sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:', new Uint8Array())).toBe(
      'accepted',
    );
  });

  test('in the bytes as they came, before they are parsed', async () => {
    const digest = `sha-256=:${createHash('sha256').update('{"a":1}').digest('base64')}:`;
    const headers = { 'content-type': 'application/json', 'content-digest': digest };
    const read = (body: string) =>
      readBody(new Request('http://x/', { method: 'POST', headers, body }), 'json', 1_000).catch(
        (error: DomainError) => error.code,
      );
    expect(await read('{"a":1}')).toEqual({ a: 1 });
    expect(await read('{"a": 1}')).toBe('content_digest_mismatch');
    expect(await read('{"a":')).toBe('content_digest_mismatch');
  });
});
