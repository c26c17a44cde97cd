import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { MailDeferredError, MailRefusedError, type MailTransport } from './mailer.ts';
import { smtpTransport } from './smtp.ts';
import { parseSmtpUrl } from './smtp-url.ts';

const MAIL = {
  to: 'anjali@example.mu',
  subject: 'Confirm your e-mail address',
  text: 'A token.\r\n.\r\nEnd',
};
const FROM = 'Example Ltd <no-reply@example.mu>';
const IMPATIENT = { connectMs: 2_000, silenceMs: 300 };

type Taken = { readonly text: string; readonly secure: boolean; readonly to: readonly string[] };

let folder: string;
let key: string;
let cert: string;
const stops: (() => void)[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-smtp-'));
  selfSigned('here', 'subjectAltName=DNS:localhost,IP:127.0.0.1');
  selfSigned('elsewhere', 'subjectAltName=DNS:mail.example.mu');
  key = readFileSync(join(folder, 'here.key'), 'utf8');
  cert = readFileSync(join(folder, 'here.pem'), 'utf8');
});

afterEach(() => {
  for (const stop of stops.splice(0)) {
    stop();
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

function selfSigned(name: string, names: string): void {
  const made = Bun.spawnSync(
    'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=test -addext'
      .split(' ')
      .concat(names, '-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.pem`)),
  );
  expect(made.exitCode).toBe(0);
}

/** A mail server that plays what it is told to. */
async function serve(options: SMTPServerOptions = {}) {
  const taken: Taken[] = [];
  const server = new SMTPServer({
    key,
    cert,
    authOptional: true,
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const to = session.envelope.rcptTo.map((recipient) => recipient.address);
        taken.push({ text: Buffer.concat(chunks).toString(), secure: session.secure, to });
        done();
      });
    },
    ...options,
  });
  // A client that leaves in the middle is what some of these tests are about.
  server.on('error', () => {});
  const listener = server.listen(0, '127.0.0.1');
  await new Promise<void>((resolve) => listener.once('listening', resolve));
  stops.push(() => server.close());
  return { port: (listener.address() as AddressInfo).port, taken };
}

const trusting = (port: number, login = '', certificate = 'here') =>
  open(`smtp://${login}localhost:${port}?tls=required&ca=${join(folder, `${certificate}.pem`)}`);

function open(url: string, from = FROM): MailTransport {
  return smtpTransport(parseSmtpUrl(url), from, IMPATIENT);
}

/** A mail server's answer with this code, as `smtp-server` wants to be told. */
function answer(code: number): Error {
  return Object.assign(new Error('no'), { responseCode: code });
}

async function failureOf(transport: MailTransport, mail = MAIL): Promise<Error> {
  try {
    await transport.deliver(mail);
  } catch (error) {
    return error as Error;
  }
  throw new Error('the mail was taken');
}

describe('encryption', () => {
  test('a message is sent under STARTTLS, after signing in', async () => {
    const seen: unknown[] = [];
    const { port, taken } = await serve({
      authOptional: false,
      onAuth: (auth, session, done) => {
        seen.push([auth.username, auth.password, session.secure]);
        done(null, { user: 'relay' });
      },
    });
    await trusting(port, 'relay:s%40cret@').deliver(MAIL);
    expect(seen).toEqual([['relay', 's@cret', true]]);
    expect(taken).toMatchObject([{ secure: true, to: ['anjali@example.mu'] }]);
    expect(taken[0]?.text).toContain('From: Example Ltd <no-reply@example.mu>\r\n');
    expect(taken[0]?.text).toContain('Auto-Submitted: auto-generated\r\n');
    expect(taken[0]?.text).toEndWith('A token.\r\n.\r\nEnd\r\n');
  });

  test('a message is sent under TLS from the first byte', async () => {
    const { port, taken } = await serve({ secure: true });
    await open(`smtps://localhost:${port}?ca=${join(folder, 'here.pem')}`).deliver(MAIL);
    expect(taken).toHaveLength(1);
  });

  test('a server without STARTTLS is told neither the password nor the message', async () => {
    const commands: string[] = [];
    const { port, taken } = await serve({
      hideSTARTTLS: true,
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) => {
        commands.push('AUTH');
        done(null, { user: 'relay' });
      },
      onMailFrom: (_address, _session, done) => {
        commands.push('MAIL');
        done();
      },
    });
    const failure = await failureOf(trusting(port, 'relay:secret@'));
    expect(failure).not.toBeInstanceOf(MailRefusedError);
    expect([commands, taken]).toEqual([[], []]);
  });

  test.each([
    ['of an unknown authority', () => 'tls=required'],
    ['of another name', () => `tls=required&ca=${join(folder, 'elsewhere.pem')}`],
  ])('a certificate %s is refused', async (title, option) => {
    const other = title === 'of another name' ? 'elsewhere' : 'here';
    const { port, taken } = await serve({
      key: readFileSync(join(folder, `${other}.key`), 'utf8'),
      cert: readFileSync(join(folder, `${other}.pem`), 'utf8'),
    });
    await failureOf(open(`smtp://localhost:${port}?${option()}`));
    expect(taken).toEqual([]);
  });

  test('the loopback address needs none', async () => {
    const { port, taken } = await serve();
    await open(`smtp://127.0.0.1:${port}`).deliver(MAIL);
    expect(taken).toMatchObject([{ secure: false }]);
  });
});

describe('what the server answers', () => {
  test.each([
    ['recipient', { onRcptTo: (_address, _session, done) => done(answer(550)) }],
    ['sender', { onMailFrom: (_address, _session, done) => done(answer(553)) }],
    [
      'message',
      { onData: (stream, _session, done) => void stream.resume().on('end', () => done(answer(554))) },
    ],
  ] satisfies [string, SMTPServerOptions][])('5xx to the %s is for good', async (_title, options) => {
    const { port } = await serve(options);
    expect(await failureOf(open(`smtp://127.0.0.1:${port}`))).toBeInstanceOf(MailRefusedError);
  });

  test.each([
    ['recipient', true, { onRcptTo: (_address, _session, done) => done(answer(451)) }],
    [
      'message',
      true,
      { onData: (stream, _session, done) => void stream.resume().on('end', () => done(answer(452))) },
    ],
    ['recipient by who goes away', false, { onRcptTo: (_address, _session, done) => done(answer(421)) }],
    ['connection', false, { onConnect: (_session, done) => done(answer(421)) }],
  ] satisfies [string, boolean, SMTPServerOptions][])(
    '4xx to the %s is worth another try; of others meanwhile: %p',
    async (_title, othersGo, options) => {
      const { port } = await serve(options);
      const failure = await failureOf(open(`smtp://127.0.0.1:${port}`));
      expect(failure).not.toBeInstanceOf(MailRefusedError);
      expect(failure instanceof MailDeferredError).toBe(othersGo);
    },
  );

  test('a wrong password is worth another try once it is mended, and is not in the failure', async () => {
    const { port } = await serve({
      authOptional: false,
      onAuth: (_auth, _session, done) => done(answer(535)),
    });
    const failure = await failureOf(trusting(port, 'relay:s3cr3t@'));
    expect(failure).not.toBeInstanceOf(MailRefusedError);
    expect(String(failure)).not.toContain('s3cr3t');
  });

  test('no answer at all is given up', async () => {
    const connections = new Set<{ destroy: () => void }>();
    const silent: Server = createServer((socket) => void connections.add(socket));
    silent.listen(0, '127.0.0.1');
    await new Promise<void>((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as AddressInfo;
    stops.push(() => {
      for (const connection of connections) {
        connection.destroy();
      }
      silent.close();
    });
    expect(await failureOf(open(`smtp://127.0.0.1:${port}`))).not.toBeInstanceOf(MailRefusedError);
    expect(connections.size).toBe(1);
  });

  test('a server that falls silent in the middle is given up', async () => {
    const { port, taken } = await serve({ onRcptTo: () => {} });
    expect(await failureOf(open(`smtp://127.0.0.1:${port}`))).not.toBeInstanceOf(MailRefusedError);
    expect(taken).toEqual([]);
  });

  test('a dead server is worth another try', async () => {
    const { port } = await serve();
    for (const stop of stops.splice(0)) {
      stop();
    }
    expect(await failureOf(open(`smtp://127.0.0.1:${port}`))).not.toBeInstanceOf(MailRefusedError);
  });
});

describe('header injection', () => {
  test.each([
    'Hello\r\nBcc: thief@example.mu',
    'Hello\nBcc: thief@example.mu',
    'Hello\u2028Bcc: thief@example.mu',
  ])('a subject starts no other header: %j', async (subject) => {
    const { port, taken } = await serve();
    await open(`smtp://127.0.0.1:${port}`).deliver({ ...MAIL, subject });
    expect(taken[0]?.to).toEqual(['anjali@example.mu']);
    expect(taken[0]?.text.split('\r\n')).not.toContain('Bcc: thief@example.mu');
    expect(taken[0]?.text.match(/^(Bcc|Cc|To):/gim)).toEqual(['To:']);
  });

  test.each([
    'a@example.mu\r\nBcc: thief@example.mu',
    'a@example.mu, thief@example.mu',
    'a@example.mu;thief@example.mu',
    'Anjali <thief@example.mu>',
    'a@example.mu thief@example.mu',
    '"a b"@example.mu',
    'nobody',
    '',
  ])('an address is one recipient or refused: %j', async (to) => {
    const { port, taken } = await serve();
    const failure = await failureOf(open(`smtp://127.0.0.1:${port}`), { ...MAIL, to });
    expect(failure).toBeInstanceOf(MailRefusedError);
    expect(taken).toEqual([]);
  });
});

describe('SMTP_URL', () => {
  test.each([
    ['smtp://mail.example.mu', { port: 587, tls: 'starttls', login: null, caFile: null }],
    ['smtps://mail.example.mu', { port: 465, tls: 'implicit' }],
    ['smtp://mail.example.mu?tls=off', { tls: 'off' }],
    ['smtp://localhost:2525', { host: 'localhost', port: 2525, tls: 'off' }],
    ['smtp://[::1]:25', { host: '::1', port: 25, tls: 'off' }],
    ['smtp://127.0.0.1:25?tls=required', { tls: 'starttls' }],
    ['smtp://127.0.0.1.example.mu', { tls: 'starttls' }],
    ['smtp://a%40b:p%2Fw@mail.example.mu:25', { port: 25, login: { user: 'a@b', password: 'p/w' } }],
  ])('%s is understood', (text, expected) => {
    expect(parseSmtpUrl(text)).toMatchObject(expected);
  });
});
