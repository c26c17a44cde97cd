import type { Mode } from '../context.ts';
import { type PaymentSecrets, TEST_PROVIDER_NAME } from './payment-secrets.ts';
import { vendorAddress, vendorMembers } from './vendor-setting.ts';

/** What a provider of payouts is called with; what it is signed with are the secrets of the payment provider of its name. */
export type PayoutProviderSettings = {
  readonly name: string;
  /** Where its API is, without a slash at the end. */
  readonly url: string;
  /** The ways of paying that it carries. */
  readonly methods: readonly string[];
};

export type PayoutProviders = readonly PayoutProviderSettings[];

/** Ways that no bank file pays; a bank is told by files. */
const METHODS: readonly string[] = ['mcb_juice', 'my_t_money', 'blink', 'mips', 'mobile_money', 'crypto'];

const ENTRY = /^([a-z0-9-]{1,32}):(.+)$/;

/**
 * Reads `provider:url=…;methods=mcb_juice|blink`, separated by commas; each way of paying has one provider at most.
 * @errors Error that quotes nothing but names of methods
 */
export function parsePayoutProviders(text: string): PayoutProviders {
  const found: PayoutProviderSettings[] = [];
  for (const entry of text.split(',')) {
    const [, name = '', rest = ''] = ENTRY.exec(entry.trim()) ?? [];
    if (name === '' || found.some((one) => one.name === name)) {
      throw new Error('must list provider:url=…;methods=…, each provider once');
    }
    const given = vendorMembers(rest, ['url', 'methods']);
    const methods = (given.get('methods') ?? '').split('|');
    if (!methods.every((method) => METHODS.includes(method)) || new Set(methods).size < methods.length) {
      throw new Error(`must give methods, each once, of ${METHODS.join(', ')}`);
    }
    if (found.some((one) => one.methods.some((method) => methods.includes(method)))) {
      throw new Error('must give each method to one provider');
    }
    found.push({ name, url: vendorAddress(given.get('url')), methods });
  }
  return found;
}

/** What is wrong with the providers there are: what is said of payouts is signed, both ways, and the secret of `test` is published. */
export function faultsOf(settings: {
  readonly mode: Mode;
  readonly payoutProviders: PayoutProviders;
  readonly paymentSecrets: PaymentSecrets;
}): readonly string[] {
  const { mode, payoutProviders, paymentSecrets } = settings;
  return payoutProviders.flatMap(({ name, url }) => {
    if (mode === 'production' && (name === TEST_PROVIDER_NAME || url.startsWith('http:'))) {
      return ['PLIMSOLL_PAYOUT_PROVIDERS: the provider `test` and plain http are refused in production'];
    }
    return name === TEST_PROVIDER_NAME || paymentSecrets.has(name)
      ? []
      : [`PLIMSOLL_PAYOUT_PROVIDERS: ${name} needs a secret in PLIMSOLL_PAYMENT_SECRETS`];
  });
}
