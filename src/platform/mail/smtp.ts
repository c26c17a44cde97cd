/**
 * Mail by SMTP. Guarantees: where TLS is asked for, nothing is said without it and the server's
 * certificate is checked; one recipient per message; no text of ours or of a person's can start
 * another header. What it does not guarantee: that a message the server took is ever read.
 */
import { readFileSync } from 'node:fs';
import { createTransport, type Transporter } from 'nodemailer';
import { type Mail, MailDeferredError, MailRefusedError, type MailTransport, oneLine } from './mailer.ts';
import type { SmtpServer } from './smtp-url.ts';

export type SmtpTimeouts = {
  /** @units ms */
  readonly connectMs: number;
  /** A server silent for longer is given up. @units ms */
  readonly silenceMs: number;
};

/** Said at any time by a server that takes nothing from anybody. */
const GOES_AWAY = 421;

const TIMEOUTS: SmtpTimeouts = { connectMs: 10_000, silenceMs: 30_000 };

/** A connection per message; `from` is an address, or `Name <address>`. */
export function smtpTransport(
  server: SmtpServer,
  from: string,
  timeouts: SmtpTimeouts = TIMEOUTS,
): MailTransport {
  const transporter = createTransport({
    host: server.host,
    port: server.port,
    secure: server.tls === 'implicit',
    requireTLS: server.tls === 'starttls',
    ignoreTLS: server.tls === 'off',
    ...(server.login === null ? {} : { auth: { user: server.login.user, pass: server.login.password } }),
    tls: {
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      ...(server.caFile === null ? {} : { ca: readFileSync(server.caFile, 'utf8') }),
    },
    connectionTimeout: timeouts.connectMs,
    dnsTimeout: timeouts.connectMs,
    greetingTimeout: timeouts.silenceMs,
    socketTimeout: timeouts.silenceMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    deliver: (mail) => deliver(transporter, from, mail),
    close: () => transporter.close(),
  };
}

async function deliver(transporter: Transporter, from: string, mail: Mail): Promise<void> {
  // An address given as an object is taken as one recipient, however it is spelt.
  const to = { name: '', address: requireAddress(mail.to) };
  try {
    await transporter.sendMail({
      from,
      to,
      subject: oneLine(mail.subject),
      text: mail.text,
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
  } catch (error) {
    throw failureOf(error);
  }
}

/** @errors MailRefusedError where the text could be more than one address */
function requireAddress(text: string): string {
  if (oneLine(text) !== text || /[\s<>,;"]/u.test(text) || !text.includes('@')) {
    throw new MailRefusedError('the address is not one a message can be sent to');
  }
  return text;
}

/** A 5xx about the recipient or the message is for good; a server that does not know us today may do so tomorrow. */
function failureOf(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && 'responseCode' in error)) {
    return error;
  }
  const { code, responseCode } = error;
  const isOfMessage = code === 'EENVELOPE' || code === 'EMESSAGE';
  if (!isOfMessage || typeof responseCode !== 'number' || responseCode < 400 || responseCode === GOES_AWAY) {
    return error;
  }
  return responseCode >= 500
    ? new MailRefusedError('the mail server refuses the message')
    : new MailDeferredError('the mail server does not take the message now');
}
