import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type OutboundFailure, type OutboundNetwork, type OutboundRequest, outbound } from './outbound.ts';

const HOST = 'lists.example.test';
const SANDBOX = { mode: 'sandbox' } as const;
const PRODUCTION = { mode: 'production' } as const;

const folder = mkdtempSync(join(tmpdir(), 'plimsoll-outbound-'));
const stops: (() => void)[] = [];
let key: string;
let cert: string;

beforeAll(() => {
  const command =
    'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=test';
  const files = ['-keyout', join(folder, 'key'), '-out', join(folder, 'cert')];
  const made = Bun.spawnSync([...command.split(' '), '-addext', `subjectAltName=DNS:${HOST}`, ...files]);
  expect(made.exitCode).toBe(0);
  key = readFileSync(join(folder, 'key'), 'utf8');
  cert = readFileSync(join(folder, 'cert'), 'utf8');
});

afterEach(() => {
  for (const stop of stops.splice(0)) {
    stop();
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

/** A network in which the name stands for these addresses, one answer per look-up. */
function network(...answers: readonly (readonly string[])[]): OutboundNetwork & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    ca: cert,
    resolve: async (host) => {
      asked.push(host);
      return answers[Math.min(asked.length, answers.length) - 1] ?? [];
    },
  };
}

const HERE = ['127.0.0.1'];

/** A server on loopback that says what it is told to once a request came. */
async function raw(speak: (socket: Socket) => void) {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', (head) => {
      seen.push(head.toString());
      speak(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

function secure(answer: (request: Request) => Response | Promise<Response>) {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', tls: { key, cert }, fetch: answer });
  stops.push(() => void server.stop(true));
  return server;
}

const LOOPBACK = { maxBytes: 1_000, allow: 'loopback_in_sandbox', timeoutMs: 5_000 } as const;

function call(port: number, request: Partial<OutboundRequest> = {}, net = network(HERE)) {
  return outbound(SANDBOX, { url: `http://${HOST}:${port}/list`, ...LOOPBACK, ...request }, net);
}

const failed = (failure: OutboundFailure) => ({ ok: false, failure }) as const;

describe('a call', () => {
  test('sends what it was given over TLS, with the name and not the address, and reads the whole answer', async () => {
    const server = secure(async (request) => {
      const seen = [request.method, request.headers.get('x-one'), request.headers.get('accept-encoding')];
      return Response.json([...seen, await request.text(), request.headers.get('host')], { status: 202 });
    });
    const answer = await outbound(
      SANDBOX,
      {
        url: `https://${HOST}:${server.port}/x`,
        method: 'POST',
        headers: { 'x-one': '1' },
        body: 'Zoë',
        ...LOOPBACK,
        expectTypes: ['application/json'],
      },
      network(HERE),
    );
    expect(answer).toMatchObject({ ok: true, status: 202 });
    const said = answer.ok ? JSON.parse(new TextDecoder().decode(answer.body)) : undefined;
    expect(said).toEqual(['POST', '1', 'identity', 'Zoë', `${HOST}:${server.port}`]);
    expect(answer.ok && answer.headers.get('content-type')).toStartWith('application/json');
  });

  test.each([
    [200, 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc', 'abc'],
    [200, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n', 'abc'],
    [304, 'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n', ''],
    [404, 'HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno', 'no'],
    [429, 'HTTP/1.1 429 Slow down\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n', ''],
    [503, 'HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n', ''],
  ])('has %i as an answer', async (status, said, body) => {
    const { port } = await raw((socket) => socket.end(said));
    const answer = await call(port);
    expect(answer).toMatchObject({ ok: true, status });
    expect(answer.ok && new TextDecoder().decode(answer.body)).toBe(body);
  });

  test('is one connection each: what a server says twice is not the answer to the next call', async () => {
    const two =
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
    const { port, seen } = await raw((socket) => socket.write(two));
    for (const _turn of [1, 2]) {
      const answer = await call(port);
      expect(answer.ok ? new TextDecoder().decode(answer.body) : answer).toBe('1');
    }
    expect(seen).toHaveLength(2);
  });
});

describe('where it goes', () => {
  test.each<[string, OutboundFailure]>([
    ['file:///etc/passwd', 'bad_url'],
    ['ftp://example.test/list', 'bad_url'],
    ['data:text/plain,x', 'bad_url'],
    ['//example.test/x', 'bad_url'],
    ['https://user:word@example.test/x', 'bad_url'],
    ['https://', 'bad_url'],
    ['https://127.0.0.1/x', 'refused_address'],
    ['https://127.1/x', 'refused_address'],
    ['https://0x7f000001/x', 'refused_address'],
    ['https://2130706433/x', 'refused_address'],
    ['https://017700000001/x', 'refused_address'],
    ['https://[::1]/x', 'refused_address'],
    ['https://[::ffff:10.0.0.1]/x', 'refused_address'],
    ['https://169.254.169.254/latest/meta-data', 'refused_address'],
    ['https://[fd00:ec2::254]/latest', 'refused_address'],
    ['http://8.8.8.8/x', 'refused_address'],
    [`http://${HOST}/x`, 'refused_address'],
  ])('refuses %s as %s', async (url, failure) => {
    for (const deps of [SANDBOX, PRODUCTION]) {
      const net = network(['93.184.216.34']);
      expect(await outbound(deps, { url, maxBytes: 10, allow: 'public' }, net)).toEqual(failed(failure));
    }
  });

  test.each([
    [['10.0.0.1']],
    [['93.184.216.34', '127.0.0.1']],
    [['::1', '93.184.216.34']],
    [['93.184.216.34', '::ffff:127.0.0.1']],
  ])('refuses a name with one address that is not public: %p', async (addresses) => {
    const net = network(addresses);
    const url = `https://${HOST}/x`;
    expect(await outbound(PRODUCTION, { url, maxBytes: 10, allow: 'public' }, net)).toEqual(
      failed('refused_address'),
    );
  });

  test('never goes to this machine in production, nor in the sandbox without being allowed to', async () => {
    const { port, seen } = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    const url = `http://${HOST}:${port}/x`;
    const request = { url, maxBytes: 10 } as const;
    const attempts = [
      outbound(PRODUCTION, { ...request, allow: 'loopback_in_sandbox' }, network(HERE)),
      outbound(PRODUCTION, { ...request, allow: 'public' }, network(HERE)),
      outbound(SANDBOX, { ...request, allow: 'public' }, network(HERE)),
    ];
    expect(await Promise.all(attempts)).toEqual(attempts.map(() => failed('refused_address')));
    expect(seen).toEqual([]);
  });

  test('asks for the addresses once: a name that turns to this machine afterwards is not followed', async () => {
    const { port, seen } = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    // The first look-up names an address where nobody listens, the next one would name the server.
    const net = network(['127.0.0.2'], HERE);
    const answer = await call(port, {}, net);
    expect(answer).toEqual(failed('connect'));
    expect(net.asked).toEqual([HOST]);
    expect(seen).toEqual([]);
  });

  test('says that a name is unknown, and that nobody is there', async () => {
    expect(await call(1, {}, network([]))).toEqual(failed('name'));
    const lost = { ...network(HERE), resolve: () => Promise.reject(new Error('ENOTFOUND')) };
    expect(await outbound(SANDBOX, { url: `https://${HOST}/x`, ...LOOPBACK }, lost)).toEqual(failed('name'));
    expect(await call(1)).toEqual(failed('connect'));
  });

  test('uses no proxy that the environment names', async () => {
    const { port } = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    const proxy = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy'));
    const url = `http://127.0.0.1:${proxy.port}`;
    const script = `import { outbound } from '${import.meta.dir}/outbound.ts';
      const request = { url: 'http://127.0.0.1:${port}/', maxBytes: 9, allow: 'loopback_in_sandbox' };
      console.log(JSON.stringify(await outbound({ mode: 'sandbox' }, request)));`;
    const child = Bun.spawn([process.execPath, '-e', script], {
      env: { HTTP_PROXY: url, http_proxy: url, HTTPS_PROXY: url, https_proxy: url, ALL_PROXY: url },
      stdout: 'pipe',
    });
    expect(JSON.parse(await new Response(child.stdout).text())).toMatchObject({ ok: true, status: 200 });
    expect(proxy.seen).toEqual([]);
  });
});

describe('TLS', () => {
  test('refuses a certificate of another name, one nobody vouches for, and a server without TLS', async () => {
    const server = secure(() => new Response('x'));
    const at = (host: string) => ({ url: `https://${host}:${server.port}/x`, ...LOOPBACK });
    expect(await outbound(SANDBOX, at('other.example.test'), network(HERE))).toEqual(failed('tls'));
    const { ca: _ours, ...strangers } = network(HERE);
    expect(await outbound(SANDBOX, at(HOST), strangers)).toEqual(failed('tls'));
    const plain = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    const answer = await call(plain.port, { url: `https://${HOST}:${plain.port}/x` });
    expect(answer.ok).toBe(false);
  });
});

describe('an answer is refused that', () => {
  const head = 'HTTP/1.1 200 OK\r\n';
  test.each<[string, string, OutboundFailure]>([
    [
      'leads elsewhere',
      'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n',
      'redirect',
    ],
    ['leads elsewhere for good', 'HTTP/1.1 308 X\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n', 'redirect'],
    ['ends before its length', `${head}Content-Length: 10\r\n\r\nabc`, 'broken'],
    ['ends within its chunks', `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, 'broken'],
    ['does not say how long it is', 'HTTP/1.0 200 OK\r\n\r\nabc', 'broken'],
    ['claims to be too long', `${head}Content-Length: 1001\r\n\r\n`, 'too_large'],
    [
      'is too long',
      `${head}Transfer-Encoding: chunked\r\n\r\n7d0\r\n${'a'.repeat(2_000)}\r\n0\r\n\r\n`,
      'too_large',
    ],
    ['is of two lengths', `${head}Content-Length: 3\r\nContent-Length: 5\r\n\r\nabc`, 'broken'],
    ['is of a length below nothing', `${head}Content-Length: -3\r\n\r\nabc`, 'broken'],
    ['is no HTTP', 'SSH-2.0-OpenSSH\r\n', 'broken'],
    ['has a head without end', `${head}X: ${'a'.repeat(100_000)}\r\n\r\n`, 'broken'],
    ['changes the protocol', 'HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n', 'broken'],
    ['says nothing', '', 'broken'],
    [
      'is compressed under another name',
      `${head}Content-Encoding: br\r\nContent-Length: 1\r\n\r\na`,
      'encoded',
    ],
  ])('%s', async (_title, said, failure) => {
    const { port } = await raw((socket) => socket.end(said));
    expect(await call(port)).toEqual(failed(failure));
  });

  test('is a gzip bomb, of which not a byte is unpacked', async () => {
    const bomb = gzipSync(new Uint8Array(10_000_000), { level: 9 });
    const { port } = await raw((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`);
      socket.end(bomb);
    });
    expect(await call(port, { maxBytes: 100_000 })).toEqual(failed('encoded'));
  });

  test('is an apology in HTML where a list was wanted; an error may be HTML', async () => {
    const page = (status: string) =>
      `HTTP/1.1 ${status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 5\r\n\r\nsorry`;
    const sorry = await raw((socket) => socket.end(page('200 OK')));
    const expectTypes = ['text/csv', 'application/xml'];
    expect(await call(sorry.port, { expectTypes })).toEqual(failed('unexpected_type'));
    const down = await raw((socket) => socket.end(page('502 Bad Gateway')));
    expect(await call(down.port, { expectTypes })).toMatchObject({ ok: true, status: 502 });
  });

  test('goes on for ever', async () => {
    let sent = 0;
    const { port } = await raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const more = (): void => {
        while (!socket.destroyed && sent < 50_000_000 && socket.write(`400\r\n${'a'.repeat(1_024)}\r\n`)) {
          sent += 1_024;
        }
      };
      socket.on('drain', more);
      more();
    });
    expect(await call(port)).toEqual(failed('too_large'));
    expect(sent).toBeLessThan(50_000_000);
  });
});

describe('redirects', () => {
  const to = (location: string) => `HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;

  test('are followed where a GET allows it, without the headers that were meant for the first', async () => {
    const end = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlist'));
    const start = await raw((socket) => socket.end(to(`http://${HOST}:${end.port}/there`)));
    const answer = await call(start.port, { maxRedirects: 1, headers: { authorization: 'Bearer x' } });
    expect(answer.ok ? new TextDecoder().decode(answer.body) : answer).toBe('list');
    expect(start.seen[0]).toContain('Bearer x');
    expect(end.seen[0]).not.toContain('Bearer x');
    expect(await call(start.port)).toEqual(failed('redirect'));
    expect(await call(start.port, { maxRedirects: 1, method: 'POST', body: 'x' })).toEqual(
      failed('redirect'),
    );
  });

  test.each<[string, OutboundFailure]>([
    ['http://169.254.169.254/latest/meta-data', 'refused_address'],
    ['https://10.0.0.1/', 'refused_address'],
    ['file:///etc/passwd', 'bad_url'],
    ['http://user@example.test/', 'bad_url'],
  ])('to %s end as %s', async (location, failure) => {
    const { port } = await raw((socket) => socket.end(to(location)));
    expect(await call(port, { maxRedirects: 3 })).toEqual(failed(failure));
  });

  test('in a circle end after as many as are allowed', async () => {
    const { port, seen } = await raw((socket) => socket.end(to('/again')));
    expect(await call(port, { maxRedirects: 3 })).toEqual(failed('redirect'));
    expect(seen).toHaveLength(4);
  });
});

describe('time', () => {
  test.each([
    ['never answers', '', 0],
    ['falls silent in its head', 'HTTP/1.1 200 OK\r\nX: ', 0],
    ['falls silent in its body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', 0],
    ['drips its body', 'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n', 20],
    ['drips its head', 'HTTP/1.1 200 OK\r\n', 20],
  ])('a server that %s is left', async (_title, said, everyMs) => {
    const { port } = await raw((socket) => {
      socket.write(said);
      if (everyMs > 0) {
        const drip = setInterval(() => socket.write(said.endsWith('\r\n\r\n') ? 'a' : 'X: a\r\n'), everyMs);
        socket.on('close', () => clearInterval(drip));
      }
    });
    // What drips is never silent: the deadline of the whole call ends it.
    const limits = everyMs > 0 ? { timeoutMs: 300, idleMs: 5_000 } : { timeoutMs: 5_000, idleMs: 150 };
    expect(await call(port, limits)).toEqual(failed('timeout'));
  });

  test('a name that is never resolved is left', async () => {
    const lost = { ...network(HERE), resolve: () => new Promise<never>(() => {}) };
    const request = { url: `https://${HOST}/x`, ...LOOPBACK, timeoutMs: 50 };
    expect(await outbound(SANDBOX, request, lost)).toEqual(failed('timeout'));
  });
});
