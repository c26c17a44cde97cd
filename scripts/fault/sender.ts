/**
 * How a client of the fault run sends: as a person with a session, or as the payment provider. No answer,
 * a failure of the server and `in progress` are all the same to it: not answered.
 */
import { apiFor, codeOf } from '../../src/demo/client.ts';
import type { DemoLogin } from '../../src/demo/credentials.ts';
import { signPayment, TEST_PROVIDER } from '../../src/domains/funding/payment-providers.ts';

export type Wire = {
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  /** Whose session; the payment provider signs instead. */
  readonly as: Person | 'provider';
  readonly key?: string;
  readonly body?: unknown;
  /** A file instead of a body. */
  readonly xml?: string;
};

export type SentAnswer = {
  /** False when nobody can say what became of it: no answer, a failure of the server, one still at work. */
  readonly final: boolean;
  readonly status: number;
  readonly text: string;
};

/** Sends once. */
export type Sender = (wire: Wire) => Promise<SentAnswer>;

export type Person = {
  readonly login: DemoLogin;
  readonly token: () => string;
  readonly signIn: () => Promise<void>;
};

const PATIENCE_MS = 20_000;
/** A second factor counts for five minutes. */
const SESSION_MS = 3.5 * 60_000;
const TOTP_STEP_MS = 30_000;

/** A sender to wherever the server is. */
export function senderTo(url: () => string): Sender {
  return async (wire) => {
    const sent = wire.xml ?? (wire.body === undefined ? undefined : JSON.stringify(wire.body));
    try {
      const response = await fetch(`${url()}${wire.path}`, {
        method: wire.method,
        headers: headersOf(wire, sent ?? ''),
        ...(sent === undefined ? {} : { body: sent }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const text = await response.text();
      return { final: isFinal(response.status, text), status: response.status, text };
    } catch (error) {
      return { final: false, status: 0, text: String(error) };
    }
  };
}

/** The request in words. */
export function requestOf({ method, path, key }: Wire): string {
  return `${method} ${path}${key === undefined ? '' : ` with key ${key}`}`;
}

/** Someone of the demo firm, who signs in anew when the second factor has aged. */
export function personOf(url: () => string, login: DemoLogin): Person {
  let token = '';
  let signedInMs = Number.NEGATIVE_INFINITY;
  return {
    login,
    token: () => token,
    signIn: async () => {
      if (performance.now() - signedInMs < SESSION_MS) {
        return;
      }
      for (let attempt = 1; ; attempt += 1) {
        const totp = codeOf(login.totpSecret, Date.now());
        const { data, response } = await apiFor(url()).POST('/v1/auth/login', {
          body: { email: login.email, password: login.password, totp },
        });
        if (data !== undefined && 'accessToken' in data && data.accessToken !== undefined) {
          token = data.accessToken;
          signedInMs = performance.now();
          return;
        }
        if (attempt === 3) {
          throw new Error(`${login.email} could not sign in: ${response.status}`);
        }
        // A code that was used is not taken again.
        await Bun.sleep(TOTP_STEP_MS - (Date.now() % TOTP_STEP_MS) + 500);
      }
    },
  };
}

function headersOf({ as, key, xml }: Wire, text: string): Record<string, string> {
  const type = `application/${xml === undefined ? 'json' : 'xml'}`;
  const json: Record<string, string> = text === '' ? {} : { 'content-type': type };
  if (as !== 'provider') {
    return {
      ...json,
      authorization: `Bearer ${as.token()}`,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    };
  }
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signature = signPayment(TEST_PROVIDER, timestamp, new TextEncoder().encode(text));
  return { ...json, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
}

function isFinal(status: number, text: string): boolean {
  return status < 500 && ![401, 408, 429].includes(status) && !text.includes('"idempotency_in_progress"');
}
