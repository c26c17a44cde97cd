import type { Hono } from 'hono';

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever shape it asserts.
  readonly body: any;
};

export type RequestOptions = {
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Sends a request to an application in process. */
export async function send(
  app: Hono,
  method: string,
  path: string,
  options: RequestOptions,
): Promise<Answer> {
  const form = options.body instanceof FormData || options.body instanceof Uint8Array;
  const response = await app.request(path, {
    method,
    headers: {
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...(options.body === undefined || form ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(options.body === undefined
      ? {}
      : { body: form ? (options.body as FormData) : JSON.stringify(options.body) }),
  });
  const text = await response.text();
  const json = /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    body: json && text !== '' ? JSON.parse(text) : text,
  };
}
