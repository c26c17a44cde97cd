/**
 * A provider of payouts as its contract describes it (docs/howto/payout-providers.md), on this machine: it checks who
 * calls, makes one payment for each reference however often it is told, and fails in whichever way a test wants.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signPayment, TEST_PROVIDER } from '../payment-providers.ts';

export type ProviderPayment = {
  readonly reference: string;
  readonly amount: string;
  readonly currency: string;
  readonly method: string;
  readonly destination: Readonly<Record<string, string>>;
  readonly travelRule?: object;
  state: 'accepted' | 'paid' | 'rejected';
};

/**
 * What becomes of the next calls to tell it: taken and the line cut, cut before it was taken, an error after or before
 * it was taken, an answer nobody can read, turned away.
 */
type Fault = 'taken_and_cut' | 'cut' | 'taken_and_500' | 'garbage' | 'other_amount' | 429;

export type PayoutProviderServer = {
  readonly url: string;
  /** By reference: what was taken, once each. */
  readonly taken: Map<string, ProviderPayment>;
  /** Method and reference of each call that was signed. */
  readonly calls: string[];
  fault: Fault | undefined;
  /** What it answers when it takes a payment. */
  answers: ProviderPayment['state'];
  /** Runs before a call to tell it is answered. */
  onTold: ((payment: ProviderPayment) => Promise<void>) | undefined;
  /** Runs before a call to ask is answered. */
  onAsked: ((reference: string) => Promise<void>) | undefined;
  /** Whether it answers when it is asked, or turns the call away. */
  answersQueries: boolean | 'turned_away';
  readonly stop: () => Promise<void>;
};

/** Starts it on a port of its own. */
export async function startPayoutProvider(): Promise<PayoutProviderServer> {
  const server = createServer((request, response) => {
    void answer(provider, request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  server.unref();
  const provider: PayoutProviderServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken: new Map(),
    calls: [],
    fault: undefined,
    answers: 'accepted',
    onTold: undefined,
    onAsked: undefined,
    answersQueries: true,
    stop: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return provider;
}

async function answer(
  provider: PayoutProviderServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Uint8Array);
  }
  const body = Buffer.concat(chunks).toString('utf8');
  const { method = '', url: path = '' } = request;
  const timestamp = String(request.headers['webhook-timestamp']);
  const signature = signPayment(TEST_PROVIDER, timestamp, Buffer.from(`${method} ${path}\n${body}`));
  if (request.headers['webhook-signature'] !== signature) {
    say(response, 401, { code: 'signature' });
    return;
  }
  if (method === 'GET') {
    const reference = path.slice('/payouts/'.length);
    provider.calls.push(`GET ${reference}`);
    const known = provider.taken.get(reference);
    await provider.onAsked?.(reference);
    const { answersQueries: answers } = provider;
    say(
      response,
      answers === 'turned_away' ? 429 : answers ? 200 : 503,
      known === undefined ? { reference, state: 'unknown' } : shown(known),
    );
    return;
  }
  const told = { ...JSON.parse(body), state: provider.answers };
  provider.calls.push(`POST ${told.reference}`);
  await take(provider, told, response);
}

async function take(
  provider: PayoutProviderServer,
  told: ProviderPayment,
  response: ServerResponse,
): Promise<void> {
  const { fault, taken } = provider;
  if (fault !== 'cut' && fault !== 429 && !taken.has(told.reference)) {
    taken.set(told.reference, told);
  }
  const payment = taken.get(told.reference) ?? told;
  await provider.onTold?.(payment);
  switch (fault) {
    case undefined:
      say(response, 200, shown(payment));
      return;
    case 'cut':
    case 'taken_and_cut':
      response.destroy();
      return;
    case 'taken_and_500':
      say(response, 500, { code: 'internal' });
      return;
    case 'garbage':
      say(response, 200, { reference: told.reference, state: 'perhaps' });
      return;
    case 'other_amount':
      say(response, 200, { ...shown(payment), state: 'paid', amount: '1' });
      return;
    case 429:
      say(response, 429, { code: 'busy' });
  }
}

function shown({ reference, amount, currency, state }: ProviderPayment) {
  return { reference, amount, currency, state, providerReference: `PP-${reference.slice(-8)}` };
}

function say(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
