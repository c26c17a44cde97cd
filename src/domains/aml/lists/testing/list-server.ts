/**
 * A publisher of lists on this machine: serves what it is told to, part by part, with tags that change with the
 * content, and misbehaves on request.
 */
import type { Socket, TCPSocketListener } from 'bun';

type Listener = TCPSocketListener<undefined>;

/** What a part answers: a text, or bytes to send as they are. */
export type Served = { readonly text: string } | { readonly raw: string | Uint8Array; readonly hang?: true };

export type ListServer = {
  readonly url: (part: string) => string;
  readonly serve: (part: string, served: Served) => void;
  /** The requests that came, head by head. */
  readonly seen: readonly string[];
  readonly stop: () => void;
};

export function startListServer(): ListServer {
  const parts = new Map<string, Served>();
  const seen: string[] = [];
  const listener: Listener = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data: (socket, data) => {
        const head = data.toString();
        seen.push(head);
        answer(socket, head, parts.get(/^GET \/(\S+)/.exec(head)?.[1] ?? ''));
      },
    },
  });
  return {
    url: (part) => `http://127.0.0.1:${listener.port}/${part}`,
    serve: (part, served) => void parts.set(part, served),
    seen,
    stop: () => listener.stop(true),
  };
}

function answer(socket: Socket<undefined>, head: string, served: Served | undefined): void {
  if (served === undefined) {
    socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  if ('raw' in served) {
    socket.write(served.raw);
    if (served.hang !== true) {
      socket.end();
    }
    return;
  }
  const body = Buffer.from(served.text);
  const tag = `"${Bun.hash(body).toString(16)}"`;
  socket.end(
    head.includes(`if-none-match: ${tag}`) || head.includes(`If-None-Match: ${tag}`)
      ? `HTTP/1.1 304 Not Modified\r\nETag: ${tag}\r\n\r\n`
      : Buffer.concat([
          Buffer.from(`HTTP/1.1 200 OK\r\nETag: ${tag}\r\nContent-Length: ${body.length}\r\n\r\n`),
          body,
        ]),
  );
}
