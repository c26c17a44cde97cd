import { describe, expect, test } from 'bun:test';
import { DomainError } from '../../kernel/error.ts';
import type { BodyKind } from './endpoint.ts';
import { readBody, refuseBody } from './read-body.ts';

type Sent = { readonly type?: string; readonly headers?: Record<string, string> };

type Body = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;

function post(body: Body, { type, headers = {} }: Sent = {}): Request {
  const all = { ...(type === undefined ? {} : { 'content-type': type }), ...headers };
  const request = new Request('http://x/', { method: 'POST', body, headers: all });
  // A Request gives text bodies a type of their own; the tests say which one is sent.
  if (type === undefined) {
    request.headers.delete('content-type');
  }
  return request;
}

async function outcomeOf(request: Request, kind: BodyKind, maxBytes = 100): Promise<unknown> {
  try {
    return await readBody(request, kind, maxBytes);
  } catch (error) {
    expect(error).toBeInstanceOf(DomainError);
    return (error as DomainError).code;
  }
}

const json = { type: 'application/json' };

describe('a JSON body', () => {
  test.each(['application/json', 'Application/JSON; charset=utf-8', 'application/merge-patch+json'])(
    'is read as %s',
    async (type) => {
      expect(await outcomeOf(post('{"a":"é"}', { type }), 'json')).toEqual({ a: 'é' });
    },
  );

  test.each([
    undefined,
    '',
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'application/jsonx',
  ])('is not read as %p', async (type) => {
    const request = post('{}', type === undefined ? {} : { type });
    expect(await outcomeOf(request, 'json')).toBe('unsupported_media_type');
  });

  test.each(['', '{', '{"a":1}}', "{'a':1}", 'undefined', 'NaN', '[1,]', '\u0000'])(
    '%j is malformed',
    async (text) => {
      expect(await outcomeOf(post(text, json), 'json')).toBe('malformed_json');
    },
  );

  test('that is not UTF-8 is malformed', async () => {
    const latin = new Uint8Array([...Buffer.from('{"a":"'), 0xe9, ...Buffer.from('"}')]);
    expect(await outcomeOf(post(latin, json), 'json')).toBe('malformed_json');
  });

  test('that is compressed is refused rather than unpacked', async () => {
    const request = post('{}', { ...json, headers: { 'content-encoding': 'gzip' } });
    expect(await outcomeOf(request, 'json')).toBe('unsupported_media_type');
  });
});

describe('the limit', () => {
  test('admits a body of exactly its size and refuses one byte more', async () => {
    expect(await outcomeOf(post(`"${'a'.repeat(98)}"`, json), 'json')).toBe('a'.repeat(98));
    expect(await outcomeOf(post(`"${'a'.repeat(99)}"`, json), 'json')).toBe('body_too_large');
  });

  test('counts bytes, not characters', async () => {
    expect(await outcomeOf(post(`"${'é'.repeat(50)}"`, json), 'json')).toBe('body_too_large');
  });

  test('holds for a stream that does not say its length, and stops reading it', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 10;
        controller.enqueue(new Uint8Array(10).fill(32));
      },
    });
    expect(await outcomeOf(post(endless, json), 'json')).toBe('body_too_large');
    expect(sent).toBeLessThan(1_000);
  });

  test('refuses by the declared length, whatever it looks like', async () => {
    for (const length of ['101', '9'.repeat(40)]) {
      const request = post('{}', { ...json, headers: { 'content-length': length } });
      expect(await outcomeOf(request, 'json')).toBe('body_too_large');
    }
  });
});

test('a body that breaks off is a malformed request', async () => {
  const broken = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error('connection reset')),
  });
  expect(await outcomeOf(post(broken, json), 'json')).toBe('malformed_request');
});

describe('a form', () => {
  test('gives text and files by name', async () => {
    const form = new FormData();
    form.set('type', 'passport');
    form.set('file', new File(['abc'], 'a.txt'));
    const read = (await readBody(
      new Request('http://x/', { method: 'POST', body: form }),
      'multipart',
      10_000,
    )) as {
      type: string;
      file: File;
    };
    expect(read.type).toBe('passport');
    expect(await read.file.text()).toBe('abc');
  });

  test('that repeats a member shows both, so that neither wins in silence', async () => {
    const form = new FormData();
    form.append('type', 'passport');
    form.append('type', 'national_id');
    const request = new Request('http://x/', { method: 'POST', body: form });
    expect(await outcomeOf(request, 'multipart', 10_000)).toEqual({ type: ['passport', 'national_id'] });
  });

  test('without its boundary is a malformed request', async () => {
    expect(await outcomeOf(post('--x', { type: 'multipart/form-data' }), 'multipart')).toBe(
      'malformed_request',
    );
  });
});

describe('an operation without a body', () => {
  test.each([null, '', '{}', ' { } \n'])('accepts %j', async (body) => {
    expect(await refuseBody(post(body))).toBeUndefined();
  });

  test.each(['{"amount":"1"}', '[]', 'x', ' '.repeat(100)])(
    'refuses %j rather than ignore it',
    async (body) => {
      expect(refuseBody(post(body))).rejects.toMatchObject({ code: 'validation_failed' });
    },
  );
});

test('a body of declared length is read from the wire as it was sent, within its limit, or said to have broken off', async () => {
  const told = Promise.withResolvers<unknown>();
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: async (request) => {
      const outcome = await outcomeOf(request, 'json', 40);
      if (request.url.endsWith('/broken')) {
        told.resolve(outcome);
      }
      return Response.json({ outcome });
    },
  });
  const ask = async (body: string): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(server.url, { method: 'POST', headers, body });
    return ((await answer.json()) as { readonly outcome: unknown }).outcome;
  };
  expect(await ask('{"name":"Zoë"}')).toEqual({ name: 'Zoë' });
  expect(await ask('')).toBe('malformed_json');
  expect(await ask(`{"name":"${'x'.repeat(40)}"}`)).toBe('body_too_large');
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: server.port ?? 0,
    socket: { data: () => {} },
  });
  socket.write(
    'POST /broken HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"a"',
  );
  await Bun.sleep(50);
  socket.terminate();
  expect(await told.promise).toBe('malformed_request');
  await server.stop(true);
});
