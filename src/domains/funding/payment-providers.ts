/**
 * The port of payment providers: whose events are taken and how a signature is made. One contract for all
 * (docs/howto/payment-webhooks.md); a real provider's own format is translated to it in front of this port.
 * Secrets are the operator's to set (PLIMSOLL_PAYMENT_SECRETS). The built-in `test` provider signs with a
 * secret everybody knows and exists in the sandbox alone.
 */
import { createHmac } from 'node:crypto';
import type { Deps } from '../../platform/context.ts';
import { equalSecrets } from '../../platform/crypto/keyring.ts';
import { TEST_PROVIDER_NAME } from '../../platform/http/payment-secrets.ts';

export type PaymentProvider = {
  readonly name: string;
  /** What it may sign with; two while one is changed. */
  readonly secrets: readonly [string, ...string[]];
};

/** Published: whoever can reach a sandbox may play the provider. */
export const TEST_PROVIDER: PaymentProvider = {
  name: TEST_PROVIDER_NAME,
  secrets: ['plimsoll-test-payments'],
};

/** How far a signature's time may be from ours. @units s */
const TOLERANCE_S = 300;

/** The provider of that name; undefined where there is none, and for `test` in production. */
export function providerNamed(deps: Deps, name: string): PaymentProvider | undefined {
  if (name === TEST_PROVIDER.name) {
    return deps.mode === 'sandbox' ? TEST_PROVIDER : undefined;
  }
  const [newest, ...older] = deps.paymentSecrets.get(name) ?? [];
  return newest === undefined ? undefined : { name, secrets: [newest, ...older] };
}

/**
 * Signs a body as a provider does, with its newest secret.
 * @units timestamp: seconds since 1970, as sent
 * @shape `v1=` and lower-case hex of HMAC-SHA256 over the timestamp, a full stop and the body
 */
export function signPayment({ secrets }: PaymentProvider, timestamp: string, body: Uint8Array): string {
  return signWith(secrets[0], timestamp, body);
}

/** Whether a body was signed by the provider lately; compared in constant time. */
export function isSigned(
  deps: Deps,
  provider: PaymentProvider,
  sent: { readonly timestamp: string; readonly signature: string; readonly body: Uint8Array },
): boolean {
  const nowS = Math.floor(deps.clock.realMs() / 1_000);
  const fresh =
    /^\d{1,12}$/.test(sent.timestamp) && Math.abs(Number.parseInt(sent.timestamp, 10) - nowS) <= TOLERANCE_S;
  // Every secret is tried, whichever fits: the time it takes tells nothing.
  const equal = provider.secrets.filter((secret) =>
    equalSecrets(Buffer.from(signWith(secret, sent.timestamp, sent.body)), Buffer.from(sent.signature)),
  );
  return fresh && equal.length > 0;
}

function signWith(secret: string, timestamp: string, body: Uint8Array): string {
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`;
}
