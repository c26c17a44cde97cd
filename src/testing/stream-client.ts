/** A client of `/v1/stream` and a server with sockets for it: the application in process has none. */
import type { Hono } from 'hono';
import type { Deps } from '../platform/context.ts';
import { stopStreams, streamHandlers } from '../platform/stream/streams.ts';
import { until } from './until.ts';

// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever shape it asserts.
export type StreamMessage = any;

export type StreamClient = {
  readonly messages: StreamMessage[];
  readonly send: (message: unknown) => void;
  /** The first message that fits, also one that came before. */
  readonly find: (fits: (message: StreamMessage) => boolean) => Promise<StreamMessage>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly close: () => void;
};

export type ServedApp = {
  readonly url: string;
  /** Opens a stream; without a token the first message has to bring one. */
  readonly stream: (token?: string, headers?: Readonly<Record<string, string>>) => Promise<StreamClient>;
  readonly stopStreams: () => void;
  readonly close: () => Promise<void>;
};

export function serveApp(app: Hono, deps: Deps): ServedApp {
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request, bun) => app.fetch(request, { server: bun }),
    websocket: streamHandlers(deps),
  });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    stream: (token, headers = {}) => {
      const credential = token === undefined ? {} : { authorization: `Bearer ${token}` };
      return openClient(`${url}/v1/stream`, { ...credential, ...headers });
    },
    stopStreams: () => stopStreams(deps),
    close: () => server.stop(true),
  };
}

async function openClient(url: string, headers: Readonly<Record<string, string>>): Promise<StreamClient> {
  const socket = new WebSocket(url, { headers } as never);
  const messages: StreamMessage[] = [];
  socket.onmessage = ({ data }) => messages.push(JSON.parse(String(data)));
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.onclose = ({ code, reason }) => resolve({ code, reason });
  });
  await Promise.race([
    new Promise((resolve) => {
      socket.onopen = resolve;
    }),
    closed.then(() => {
      throw new Error('the stream was refused');
    }),
  ]);
  return {
    messages,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    find: async (fits) => {
      await until(async () => messages.some(fits));
      return messages.find(fits);
    },
    closed,
    close: () => socket.close(),
  };
}
