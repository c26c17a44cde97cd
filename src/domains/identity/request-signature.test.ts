import { describe, expect, test } from 'bun:test';
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { type InnerList, parseDictionary } from 'structured-headers';
import { present } from '../../kernel/assert.ts';
import { signRequest } from '../../testing/sign-request.ts';
import { checkRequestSignature, type SignatureCheck, signatureBase } from './request-signature.ts';
import { isSignedBy, isUsablePublicKey } from './signing-keys.ts';

const KEY_ID = '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001';
const PUBLIC_URL = 'https://broker.example.mu';
const holder = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');

type Sent = { method: string; url: string; headers: Headers; body: ReadableStream | null };

/** A request of the example client; `asked` adds to what it signs, `tampered` changes it afterwards. */
function sent(asked: Partial<{ method: string; url: string; headers: object; body: string }> = {}): Sent {
  const { method = 'POST', url = 'http://127.0.0.1:8080/v1/orders?dry=1', body = '{"a":1}' } = asked;
  const given = new Headers({ 'content-type': 'application/json', ...asked.headers });
  const headers = signRequest({ method, url, headers: given, body }, KEY_ID, holder.privateKey);
  return { method, url, headers, body: new Response(body).body };
}

function rawKey(key: KeyObject): Uint8Array {
  return new Uint8Array(Buffer.from(present(key.export({ format: 'jwk' }).x, 'a public key'), 'base64url'));
}

function check(request: Sent, nowMs = Date.now(), publicKey = rawKey(holder.publicKey)): SignatureCheck {
  return checkRequestSignature(request, { keyId: KEY_ID, publicKey, nowMs, publicUrl: PUBLIC_URL });
}

function faultOf(request: Sent, nowMs?: number): string | undefined {
  const checked = check(request, nowMs);
  return 'fault' in checked ? checked.fault : undefined;
}

/** Signs any `Signature-Input` over a request, as a client that goes its own way does. */
function signedAs(input: string, request: Sent, by: KeyObject = holder.privateKey): Sent {
  const headers = new Headers(request.headers);
  const list = present(parseDictionary(`sig=${input}`).get('sig'), 'one member') as InnerList;
  const base = signatureBase(list, request, PUBLIC_URL) ?? '';
  headers.set('signature-input', `sig=${input}`);
  headers.set('signature', `sig=:${sign(null, Buffer.from(base), by).toString('base64')}:`);
  return { ...request, headers };
}

const NOW = Math.floor(Date.now() / 1_000);
const TARGET = '"@method" "@path" "@query"';
const SENT = '"content-digest" "content-type"';
const PARAMETERS = `created=${NOW};nonce="0123456789abcdef";keyid="${KEY_ID}";alg="ed25519"`;

describe('the published Ed25519 vector (RFC 9421 B.2.6)', () => {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: 'JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs' };
  const d = 'n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU';
  const input =
    '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"';
  const published =
    'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==';
  const request: Sent = {
    method: 'POST',
    url: 'https://example.com/foo?param=Value&Pet=dog',
    headers: new Headers({
      date: 'Tue, 20 Apr 2021 02:07:55 GMT',
      'content-type': 'application/json',
      'content-length': '18',
    }),
    body: null,
  };
  const list = parseDictionary(`sig-b26=${input}`).get('sig-b26') as InnerList;
  const base = signatureBase(list, request, 'https://example.com') ?? '';
  const publicKey = new Uint8Array(Buffer.from(jwk.x, 'base64url'));

  test('has this base', () => {
    expect(base.split('\n')).toEqual([
      '"date": Tue, 20 Apr 2021 02:07:55 GMT',
      '"@method": POST',
      '"@path": /foo',
      '"@authority": example.com',
      '"content-type": application/json',
      '"content-length": 18',
      `"@signature-params": ${input}`,
    ]);
  });

  test('is what the base signs to, and is accepted', () => {
    const key = createPrivateKey({ key: { ...jwk, d }, format: 'jwk' });
    expect(sign(null, Buffer.from(base), key).toString('base64')).toBe(published);
    expect(isSignedBy(publicKey, base, Buffer.from(published, 'base64'))).toBe(true);
  });

  test('is refused with any bit of it, or of the base, changed', () => {
    const bytes = Buffer.from(published, 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit += 7) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(isSignedBy(publicKey, base, flipped)).toBe(false);
    }
    expect(isSignedBy(publicKey, `${base} `, bytes)).toBe(false);
  });
});

describe('a request of the example client', () => {
  test('is accepted, with its time and nonce', () => {
    const checked = check(sent());
    expect(checked).toMatchObject({ nonce: expect.stringMatching(/^[\w-]{22}$/) });
    expect(check(sent({ headers: { 'idempotency-key': 'a1f4c2d8', 'if-match': '"3"' } }))).toHaveProperty(
      'nonce',
    );
    const bare = { method: 'GET', url: 'http://127.0.0.1/v1/orders', headers: new Headers() };
    const headers = signRequest(bare, KEY_ID, holder.privateKey);
    expect(check({ ...bare, headers, body: null })).toHaveProperty('nonce');
  });

  test.each<[string, (request: Sent) => Partial<Sent>]>([
    ['its method', () => ({ method: 'PUT' })],
    ['its path', () => ({ url: 'http://127.0.0.1:8080/v1/orders/batch?dry=1' })],
    ['a letter of its path in another spelling', () => ({ url: 'http://127.0.0.1:8080/v1/%6Frders?dry=1' })],
    ['its query', () => ({ url: 'http://127.0.0.1:8080/v1/orders?dry=0' })],
    ['its query taken off', () => ({ url: 'http://127.0.0.1:8080/v1/orders' })],
    ['another query appended', ({ url }) => ({ url: `${url}&x=1` })],
    ['its digest', ({ headers }) => ({ headers: changed(headers, 'content-digest', 'sha-256=:AAAA:') })],
    ['its content type', ({ headers }) => ({ headers: changed(headers, 'content-type', 'text/plain') })],
    ['its time', ({ headers }) => ({ headers: rewritten(headers, /created=\d+/, `created=${NOW - 7}`) })],
    [
      'its nonce',
      ({ headers }) => ({ headers: rewritten(headers, /nonce="[^"]+"/, 'nonce="0123456789abcdef"') }),
    ],
  ])('is refused with %s changed', (_what, tamper) => {
    const request = sent();
    expect(check(request)).toHaveProperty('nonce');
    expect(faultOf({ ...request, ...tamper(request) })).toBe('wrong_signature');
  });

  test('is refused with a header taken away or added that the server acts upon', () => {
    const request = sent();
    for (const name of ['content-digest', 'content-type']) {
      const headers = new Headers(request.headers);
      headers.delete(name);
      expect(check({ ...request, headers })).toHaveProperty('fault');
    }
    for (const name of ['idempotency-key', 'if-match']) {
      const headers = changed(request.headers, name, '"12345678"');
      expect(faultOf({ ...request, headers })).toBe('component_missing');
    }
  });

  test('is refused when another key signed it', () => {
    const request = sent();
    expect(check(request, Date.now(), rawKey(stranger.publicKey))).toEqual({ fault: 'wrong_signature' });
  });

  test('is accepted within a minute of its time and refused beyond, to either side', () => {
    const request = signedAs(`(${TARGET} ${SENT});${PARAMETERS}`, sent());
    for (const [offMs, fault] of [
      [60_000, undefined],
      [-60_000, undefined],
      [60_001, 'clock'],
      [-60_001, 'clock'],
    ] as const) {
      expect([offMs, faultOf(request, NOW * 1_000 + offMs)]).toEqual([offMs, fault]);
    }
  });

  test('holds whatever query it has', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
        expect(check(sent({ url }))).toHaveProperty('nonce');
      }),
    );
  });
});

function changed(headers: Headers, name: string, value: string): Headers {
  const copy = new Headers(headers);
  copy.set(name, value);
  return copy;
}

function rewritten(headers: Headers, pattern: RegExp, replacement: string): Headers {
  return changed(
    headers,
    'signature-input',
    (headers.get('signature-input') ?? '').replace(pattern, replacement),
  );
}

describe('what a signature must cover and say', () => {
  test.each<[string, string, string | undefined]>([
    // what                          Signature-Input                                            fault
    ['path and query', `(${TARGET} ${SENT});${PARAMETERS}`, undefined],
    ['the whole address', `("@method" "@target-uri" ${SENT});${PARAMETERS}`, undefined],
    ['the name of the service too', `(${TARGET} "@authority" ${SENT});${PARAMETERS}`, undefined],
    ['another header too', `(${TARGET} ${SENT} "user-agent");${PARAMETERS}`, undefined],
    ['its own end', `(${TARGET} ${SENT});${PARAMETERS};expires=${NOW + 30}`, undefined],
    ['a tag', `(${TARGET} ${SENT});${PARAMETERS};tag="x"`, undefined],
    ['no method', `("@path" "@query" ${SENT});${PARAMETERS}`, 'component_missing'],
    ['no path', `("@method" "@query" ${SENT});${PARAMETERS}`, 'component_missing'],
    ['no query', `("@method" "@path" ${SENT});${PARAMETERS}`, 'component_missing'],
    ['no digest', `(${TARGET} "content-type");${PARAMETERS}`, 'component_missing'],
    ['nothing', `();${PARAMETERS}`, 'component_missing'],
    ['a component twice', `(${TARGET} ${SENT} "@path");${PARAMETERS}`, 'component_unknown'],
    ['a header that was not sent', `(${TARGET} ${SENT} "x-a");${PARAMETERS}`, 'component_unknown'],
    ['a component of answers', `(${TARGET} ${SENT} "@status");${PARAMETERS}`, 'component_unknown'],
    ['a component of another request', `(${TARGET} ${SENT} "date";req);${PARAMETERS}`, 'component_unknown'],
    ['a part of a header', `(${TARGET} ${SENT} "content-type";sf);${PARAMETERS}`, 'component_unknown'],
    ['a name in capitals', `(${TARGET} ${SENT} "User-Agent");${PARAMETERS}`, 'component_unknown'],
    ['a token for a name', `(${TARGET} ${SENT} user-agent);${PARAMETERS}`, 'component_unknown'],
    ['an end that is over', `(${TARGET} ${SENT});${PARAMETERS};expires=${NOW - 1}`, 'clock'],
    ['an end that is no time', `(${TARGET} ${SENT});${PARAMETERS};expires="x"`, 'parameters'],
    ['a parameter nobody knows', `(${TARGET} ${SENT});${PARAMETERS};x=1`, 'parameters'],
    ...['created', 'nonce', 'keyid', 'alg'].map((name): [string, string, string] => [
      `no ${name}`,
      `(${TARGET} ${SENT});${PARAMETERS.replace(new RegExp(`;?${name}=("[^"]*"|\\d+);?`), ';').replace(/^;|;$/g, '')}`,
      'parameters',
    ]),
    [
      'a time in fractions',
      `(${TARGET} ${SENT});${PARAMETERS.replace(`=${NOW}`, `=${NOW}.5`)}`,
      'parameters',
    ],
    ['a time as text', `(${TARGET} ${SENT});${PARAMETERS.replace(`=${NOW}`, `="${NOW}"`)}`, 'parameters'],
    [
      'another algorithm',
      `(${TARGET} ${SENT});${PARAMETERS.replace('ed25519', 'hmac-sha256')}`,
      'parameters',
    ],
    ['another key', `(${TARGET} ${SENT});${PARAMETERS.replace(KEY_ID, 'x')}`, 'parameters'],
    [
      'a nonce that can be guessed',
      `(${TARGET} ${SENT});${PARAMETERS.replace(/nonce="\w+"/, 'nonce="1"')}`,
      'parameters',
    ],
  ])('%s', (_what, input, fault) => {
    const request = sent({ headers: { 'user-agent': 'bot', date: 'Tue, 20 Apr 2021 02:07:55 GMT' } });
    expect(faultOf(signedAs(input, request), NOW * 1_000)).toBe(fault);
  });

  test.each(['sha-512=:AAAA:', 'sha-256', 'sha-256="AAAA"', '"', ''])(
    'a body with the digest %j',
    (digest) => {
      const request = sent();
      request.headers.set('content-digest', digest);
      expect(faultOf(signedAs(`(${TARGET} ${SENT});${PARAMETERS}`, request))).toBe('digest_missing');
    },
  );

  test.each([
    ['two signatures', 'a=();created=1, b=();created=1', 'a=:AAAA:, b=:AAAA:'],
    ['an input of another name', 'a=();created=1', 'b=:AAAA:'],
    ['a signature that is short', 'a=();created=1', 'a=:AAAA:'],
    ['a signature that is text', 'a=();created=1', 'a="AAAA"'],
    ['an input that is no list', 'a=1', 'a=:AAAA:'],
    ['what cannot be read', '((((', '::'],
    ['an input alone', 'a=();created=1', null],
    ['a signature alone', null, 'a=:AAAA:'],
  ])('%s', (_what, input, signature) => {
    const headers = new Headers();
    if (input !== null) {
      headers.set('signature-input', input);
    }
    if (signature !== null) {
      headers.set('signature', signature);
    }
    expect(faultOf({ ...sent(), headers })).toBe('malformed');
  });

  test('never throws, whatever is sent', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (input, signature) => {
        const headers = new Headers();
        try {
          headers.set('signature-input', input);
          headers.set('signature', signature);
        } catch {
          return;
        }
        expect(check({ ...sent(), headers })).toHaveProperty('fault');
      }),
    );
  });
});

describe('a public key', () => {
  const WEAK = [
    '0100000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  ];

  test.each(WEAK)('%s, for which anybody can sign, is refused', (hex) => {
    const key = new Uint8Array(Buffer.from(hex, 'hex'));
    // R is the neutral point and S is zero: it holds whenever the hash is a multiple of the key's order.
    const forged = Buffer.alloc(64);
    forged[0] = 1;
    const texts = Array.from({ length: 200 }, (_, at) => `order ${at}`);
    expect(texts.some((text) => isSignedBy(key, text, forged))).toBe(true);
    expect(isUsablePublicKey(key)).toBe(false);
    key[31] = (key[31] ?? 0) | 0x80;
    expect(isUsablePublicKey(key)).toBe(false);
  });

  test.each(['ed', 'ee'])('that spells a weak one another way (%s…) is refused', (first) => {
    expect(isUsablePublicKey(new Uint8Array(Buffer.from(`${first}${'ff'.repeat(30)}7f`, 'hex')))).toBe(false);
  });

  test('of a real pair is accepted', () => {
    expect(isUsablePublicKey(rawKey(holder.publicKey))).toBe(true);
    expect(
      verify(null, Buffer.from('x'), holder.publicKey, sign(null, Buffer.from('x'), holder.privateKey)),
    ).toBe(true);
  });
});
