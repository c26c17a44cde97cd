/**
 * Reads a body of the declared kind within its limit.
 */

import { DomainError } from '../../kernel/error.ts';
import { refuseOtherBody } from './content-digest.ts';
import type { BodyKind } from './endpoint.ts';
import { refuse } from './refuse.ts';

export const DEFAULT_BODY_BYTES = 256 * 1024;

/** What a client may send where no body is expected: nothing, or `{}` with some white space. */
const EMPTY_BODY_BYTES = 64;

/**
 * Reads what an operation declared to take.
 * @units types: the content types of a raw body; any unless given
 * @shape parsed JSON, a record of form members (text or File), or raw bytes
 * @errors unsupported_media_type, body_too_large, content_digest_mismatch, signature_invalid, malformed_json,
 *   malformed_request
 */
export async function readBody(
  request: Request,
  kind: BodyKind,
  maxBytes: number,
  types?: readonly string[],
): Promise<unknown> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (types === undefined ? !fits(type, kind) : !types.includes(type)) {
    throw refuse('unsupported_media_type', { detail: `Send ${types?.join(' or ') ?? EXPECTED[kind]}.` });
  }
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  if (encoding.trim().toLowerCase() !== 'identity') {
    throw refuse('unsupported_media_type', { detail: 'Send the body without a content encoding.' });
  }
  const bytes = await readBytes(request, maxBytes);
  if (kind === 'raw') {
    return bytes;
  }
  return kind === 'json' ? parseJson(bytes) : parseForm(bytes, request.headers.get('content-type') ?? '');
}

/**
 * Makes sure that nothing was sent that an operation without a body would silently ignore.
 * @errors validation_failed
 */
export async function refuseBody(request: Request): Promise<void> {
  if (request.body === null) {
    return;
  }
  const bytes = await readBytes(request, EMPTY_BODY_BYTES).catch(() => undefined);
  const text = bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1').trim();
  if (text === undefined || !(text === '' || /^\{\s*\}$/.test(text))) {
    throw refuse('validation_failed', { detail: 'This operation takes no body.' });
  }
}

const EXPECTED: Readonly<Record<BodyKind, string>> = {
  json: 'application/json',
  multipart: 'multipart/form-data',
  raw: 'a body',
};

function fits(type: string, kind: BodyKind): boolean {
  return (
    kind === 'raw' ||
    type === EXPECTED[kind] ||
    (kind === 'json' && /^application\/[a-z.-]+\+json$/.test(type))
  );
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const declared = request.headers.get('content-length');
  if (declared !== null && BigInt(declared.replace(/\D/g, '') || '0') > BigInt(maxBytes)) {
    throw tooLarge(maxBytes);
  }
  // What says how long it is comes at once, which costs less than a stream; a length beside chunks says nothing.
  const whole = declared !== null && !request.headers.has('transfer-encoding');
  try {
    const bytes = whole ? await request.bytes() : await readChunks(request, maxBytes);
    if (bytes.length > maxBytes) {
      throw tooLarge(maxBytes);
    }
    refuseOtherBody(request.headers, bytes);
    return bytes;
  } catch (error) {
    // A sender who hangs up in the middle is no failure of ours.
    throw error instanceof DomainError
      ? error
      : refuse('malformed_request', { detail: 'The body broke off.' });
  }
}

async function readChunks(request: Request, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) {
      throw tooLarge(maxBytes);
    }
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function tooLarge(maxBytes: number): DomainError {
  return refuse('body_too_large', { detail: `At most ${maxBytes} bytes are accepted here.` });
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(UTF8.decode(bytes));
  } catch {
    throw refuse('malformed_json');
  }
}

/** A repeated member becomes an array and so fails where one is expected. */
async function parseForm(bytes: Uint8Array, contentType: string): Promise<unknown> {
  try {
    const form = await new Response(Buffer.from(bytes), {
      headers: { 'content-type': contentType },
    }).formData();
    return Object.fromEntries(
      [...new Set(form.keys())].map((name) => {
        const values = form.getAll(name);
        return [name, values.length === 1 ? values[0] : values];
      }),
    );
  } catch {
    throw refuse('malformed_request', { detail: 'The form could not be read.' });
  }
}
