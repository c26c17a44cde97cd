/** Where mail goes: `smtp://` begins in the clear and turns to TLS, `smtps://` is TLS from the first byte. */
import { isIP } from 'node:net';

export type SmtpServer = {
  readonly host: string;
  readonly port: number;
  /** `implicit` from the first byte, `starttls` before anything is said, `off` never. */
  readonly tls: 'implicit' | 'starttls' | 'off';
  readonly login: { readonly user: string; readonly password: string } | null;
  /** A PEM file with the authority that signed the server's certificate, where it is the firm's own. */
  readonly caFile: string | null;
};

/**
 * Reads `smtp://user:password@host:port`, with `?tls=off|required` and `?ca=FILE`. Without `tls`, STARTTLS
 * is required unless the server is on the loopback address.
 * @errors TypeError that says what is wrong, without the password
 */
export function parseSmtpUrl(text: string): SmtpServer {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'smtp:' && url.protocol !== 'smtps:') || url.hostname === '') {
    throw new TypeError('must be an smtp:// or smtps:// URL');
  }
  if (!['', '/'].includes(url.pathname) || [...url.searchParams.keys()].some((name) => !isOption(name))) {
    throw new TypeError('may have the options tls and ca, and no path');
  }
  if ((url.username === '') !== (url.password === '')) {
    throw new TypeError('must name both user and password, or neither');
  }
  const host = decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '');
  const implicit = url.protocol === 'smtps:';
  return {
    host,
    port: url.port === '' ? (implicit ? 465 : 587) : Number.parseInt(url.port, 10),
    tls: implicit ? 'implicit' : startTls(url.searchParams.get('tls'), host),
    login:
      url.username === ''
        ? null
        : { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) },
    caFile: url.searchParams.get('ca'),
  };
}

/** Whether mail to this server never leaves the machine. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function startTls(option: string | null, host: string): 'starttls' | 'off' {
  switch (option) {
    case 'off':
      return 'off';
    case 'required':
      return 'starttls';
    case null:
      return isLoopbackHost(host) ? 'off' : 'starttls';
    default:
      throw new TypeError('the option tls is off or required');
  }
}

function isOption(name: string): boolean {
  return name === 'tls' || name === 'ca';
}
