/**
 * Calls of this service to others. Guarantees: https on public addresses alone; the name is resolved once, every
 * address it has is checked, and the connection goes to a checked one (no rebinding); no proxy is used and
 * no redirect followed, unless the caller allows some for a GET: each is a call like the first; the answer is bounded in time, in silence and in bytes and must say how long it is; nothing is
 * decompressed. What fails comes back as a code: neither addresses nor bodies stand in errors or logs.
 * It does not retry and does not limit how often it is called.
 */
import { lookup as resolveName } from 'node:dns/promises';
import { type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Mode } from '../context.ts';
import { isLoopbackAddress, isPublicAddress } from './outbound-address.ts';

export type OutboundRequest = {
  readonly url: string;
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** From the look-up of the name to the last byte. @units ms */
  readonly timeoutMs?: number;
  /** How long the other side may be silent. @units ms */
  readonly idleMs?: number;
  readonly maxBytes: number;
  /** Where it may go; `loopback_in_sandbox` also allows plain http to this machine, in the sandbox alone. */
  readonly allow: 'public' | 'loopback_in_sandbox';
  /** Media types a success may have; none given means any. */
  readonly expectTypes?: readonly string[];
  /** How often a GET may be sent on; nothing the caller sent as a header goes along. */
  readonly maxRedirects?: number;
};

export type OutboundFailure =
  | 'bad_url'
  | 'name'
  | 'refused_address'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'too_large'
  | 'redirect'
  | 'encoded'
  | 'unexpected_type'
  | 'broken';

export type OutboundAnswer =
  | {
      readonly ok: true;
      readonly status: number;
      readonly headers: Headers;
      readonly body: Uint8Array<ArrayBuffer>;
    }
  | { readonly ok: false; readonly failure: OutboundFailure };

/** How names are looked up and whose certificates are trusted; tests bring their own. */
export type OutboundNetwork = {
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** PEM; undefined trusts what the runtime trusts. */
  readonly ca?: string;
};

const TIMEOUT_MS = 30_000;
const IDLE_MS = 10_000;

/** Calls an address and reads the whole answer; a status other than success is an answer too. */
export async function outbound(
  deps: { readonly mode: Mode },
  request: OutboundRequest,
  network: OutboundNetwork = SYSTEM_NETWORK,
): Promise<OutboundAnswer> {
  const deadline = AbortSignal.timeout(request.timeoutMs ?? TIMEOUT_MS);
  let hops = (request.method ?? 'GET') === 'GET' ? (request.maxRedirects ?? 0) : 0;
  let next = request;
  for (;;) {
    const answer = await callOnce(deps, next, network, deadline);
    if (answer.ok || answer.location === undefined || hops === 0) {
      return answer.ok ? answer : failed(answer.failure);
    }
    hops -= 1;
    const { headers: _ours, ...rest } = next;
    next = { ...rest, url: URL.parse(answer.location, next.url)?.href ?? '' };
  }
}

type Attempt =
  | Extract<OutboundAnswer, { ok: true }>
  | { readonly ok: false; readonly failure: OutboundFailure; readonly location?: string };

async function callOnce(
  deps: { readonly mode: Mode },
  request: OutboundRequest,
  network: OutboundNetwork,
  deadline: AbortSignal,
): Promise<Attempt> {
  const url = readUrl(request.url);
  if (url === undefined) {
    return failed('bad_url');
  }
  const addresses = await addressesOf(url, network, deadline);
  if (typeof addresses === 'string') {
    return failed(addresses);
  }
  const local = deps.mode === 'sandbox' && request.allow === 'loopback_in_sandbox';
  const allowed = addresses.every(
    (address) => isPublicAddress(address) || (local && isLoopbackAddress(address)),
  );
  const plain = url.protocol === 'http:';
  if (!allowed || (plain && !addresses.every(isLoopbackAddress))) {
    return failed('refused_address');
  }
  return send(url, addresses, request, network, deadline);
}

const SYSTEM_NETWORK: OutboundNetwork = {
  resolve: async (host) => (await resolveName(host, { all: true })).map(({ address }) => address),
};

function failed(failure: OutboundFailure): { readonly ok: false; readonly failure: OutboundFailure } {
  return { ok: false, failure };
}

/** An address with a login in it is a mistake that would end in a log. */
function readUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  const usable = url !== null && (url.protocol === 'https:' || url.protocol === 'http:');
  return usable && url.username === '' && url.password === '' && url.hostname !== '' ? url : undefined;
}

async function addressesOf(
  url: URL,
  network: OutboundNetwork,
  deadline: AbortSignal,
): Promise<readonly string[] | 'name' | 'timeout'> {
  const host = url.hostname.replace(/^\[(.*)\]$/u, '$1');
  if (isIP(host) !== 0) {
    return [host];
  }
  try {
    const addresses = await Promise.race([network.resolve(host), aborted(deadline)]);
    return addresses.length === 0 ? 'name' : [...addresses].sort((one, other) => isIP(one) - isIP(other));
  } catch {
    return deadline.aborted ? 'timeout' : 'name';
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('too late')), { once: true });
  });
}

/** One connection of its own, to an address that was checked, and no other. */
function send(
  url: URL,
  addresses: readonly string[],
  request: OutboundRequest,
  network: OutboundNetwork,
  deadline: AbortSignal,
): Promise<Attempt> {
  const body = request.body === undefined ? undefined : Buffer.from(request.body as string);
  const options: RequestOptions = {
    method: request.method ?? 'GET',
    agent: false,
    maxHeaderSize: 16 * 1024,
    headers: {
      ...request.headers,
      'accept-encoding': 'identity',
      connection: 'close',
      ...(body === undefined ? {} : { 'content-length': body.byteLength }),
    },
    lookup: (_host, asked, done) => {
      const checked = addresses.map((address) => ({ address, family: isIP(address) }));
      const [first] = checked;
      if (asked.all === true) {
        done(null, checked);
      } else {
        done(null, first?.address ?? '', first?.family);
      }
    },
  };
  return new Promise((resolve) => {
    const trust = network.ca === undefined ? {} : { ca: network.ca };
    const call =
      url.protocol === 'https:' ? tlsRequest(url, { ...options, ...trust }) : plainRequest(url, options);
    const finish = (answer: Attempt): void => {
      deadline.removeEventListener('abort', tooLate);
      resolve(answer);
      call.destroy();
    };
    const tooLate = (): void => finish(failed('timeout'));
    deadline.addEventListener('abort', tooLate, { once: true });
    call.setTimeout(request.idleMs ?? IDLE_MS, tooLate);
    call.on('error', (error) => finish(failed(failureOf(error))));
    call.on('upgrade', () => finish(failed('broken')));
    call.on('response', (response) => readAnswer(response, request, finish));
    if (deadline.aborted) {
      tooLate();
    } else {
      call.end(body);
    }
  });
}

function readAnswer(
  response: IncomingMessage,
  request: OutboundRequest,
  finish: (answer: Attempt) => void,
): void {
  const refusal = refusalOf(response, request);
  if (refusal !== undefined) {
    const { location } = response.headers;
    finish({ ok: false, failure: refusal, ...(refusal === 'redirect' && location ? { location } : {}) });
    return;
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  response.on('data', (chunk: Uint8Array) => {
    bytes += chunk.byteLength;
    if (bytes > request.maxBytes) {
      finish(failed('too_large'));
    } else {
      chunks.push(chunk);
    }
  });
  response.on('error', () => finish(failed('broken')));
  response.on('close', () => finish(failed('broken')));
  response.on('end', () => {
    finish(
      response.complete
        ? {
            ok: true,
            status: response.statusCode ?? 0,
            headers: headersOf(response),
            body: Buffer.concat(chunks),
          }
        : failed('broken'),
    );
  });
}

/** What the head of an answer already rules out. */
function refusalOf(response: IncomingMessage, request: OutboundRequest): OutboundFailure | undefined {
  const status = response.statusCode ?? 0;
  const { headers } = response;
  const bodiless = status === 204 || status === 304;
  if (status >= 300 && status < 400 && status !== 304) {
    return 'redirect';
  }
  if ((headers['content-encoding'] ?? 'identity').trim().toLowerCase() !== 'identity') {
    return 'encoded';
  }
  const length = headers['content-length'];
  if (!bodiless && length === undefined && headers['transfer-encoding']?.toLowerCase() !== 'chunked') {
    return 'broken';
  }
  if (Number(length ?? 0) > request.maxBytes) {
    return 'too_large';
  }
  const type = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const expected = request.expectTypes === undefined || request.expectTypes.includes(type);
  return status < 300 && !bodiless && !expected ? 'unexpected_type' : undefined;
}

function headersOf(response: IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < response.rawHeaders.length; at += 2) {
    headers.append(response.rawHeaders[at] ?? '', response.rawHeaders[at + 1] ?? '');
  }
  return headers;
}

const CONNECT_CODES = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'ETIMEDOUT',
]);

/** Which step of a call went wrong; the words of the error are not passed on, they name the address. */
function failureOf(error: Error & { readonly code?: string }): OutboundFailure {
  const code = error.code ?? '';
  if (CONNECT_CODES.has(code)) {
    return 'connect';
  }
  return /CERT|TLS|SSL|SIGNATURE|VERIFY|ISSUER/u.test(code) ? 'tls' : 'broken';
}
