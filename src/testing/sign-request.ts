/** Signs a request for an API key that asks for signatures. It needs nothing of this service. */
import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto';

/** Headers the server acts upon; whichever are sent must be covered. */
const COVERED_IF_SENT = ['content-digest', 'content-type', 'idempotency-key', 'if-match'];

export type Unsigned = {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body?: string | Uint8Array;
};

/** The headers to send: those given, the digest of the body, and the signature. */
export function signRequest(request: Unsigned, keyId: string, privateKey: KeyObject): Headers {
  const headers = new Headers(request.headers);
  if (request.body !== undefined) {
    const digest = createHash('sha256').update(request.body).digest('base64');
    headers.set('content-digest', `sha-256=:${digest}:`);
  }
  const { pathname, search } = new URL(request.url);
  const components = [
    ['@method', request.method],
    ['@path', pathname],
    ['@query', search === '' ? '?' : search],
    ...COVERED_IF_SENT.filter((name) => headers.has(name)).map((name) => [name, headers.get(name)]),
  ];
  const names = components.map(([name]) => `"${name}"`).join(' ');
  const created = Math.floor(Date.now() / 1000);
  const nonce = randomBytes(16).toString('base64url');
  const input = `(${names});created=${created};nonce="${nonce}";keyid="${keyId}";alg="ed25519"`;
  const lines = components.map(([name, value]) => `"${name}": ${value}`);
  const base = [...lines, `"@signature-params": ${input}`].join('\n');
  headers.set('signature-input', `sig=${input}`);
  headers.set('signature', `sig=:${sign(null, Buffer.from(base), privateKey).toString('base64')}:`);
  return headers;
}
