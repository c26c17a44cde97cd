/** By provider, the newest first: while a secret is changed, what either signed is taken. */
export type PaymentSecrets = ReadonlyMap<string, readonly string[]>;

/** The built-in provider's name: its secret is published, so that none is set for it. */
export const TEST_PROVIDER_NAME = 'test';

const ENTRY = /^([a-z0-9-]{1,32})=([\x21-\x2b\x2d-\x7e]+)$/;
const SECRET_MIN = 32;

/**
 * Reads `provider=secret` or `provider=new|old`, separated by commas.
 * @errors Error that names no secret
 */
export function parsePaymentSecrets(text: string): PaymentSecrets {
  const found = new Map<string, readonly string[]>();
  for (const entry of text.split(',')) {
    const [, provider = '', written = ''] = ENTRY.exec(entry.trim()) ?? [];
    const secrets = written.split('|');
    if (provider === '' || secrets.length > 2 || secrets.some((secret) => secret.length < SECRET_MIN)) {
      throw new Error(`must list provider=secret, each secret of ${SECRET_MIN} characters or more`);
    }
    if (provider === TEST_PROVIDER_NAME || found.has(provider)) {
      throw new Error(`names the provider ${provider} twice, or the built-in one`);
    }
    found.set(provider, secrets);
  }
  return found;
}
