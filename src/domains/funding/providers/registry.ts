/**
 * Who carries a payout: bank transfers go by files (`manual`), what the operator named a provider for goes to that
 * provider, and everything else people pay by hand.
 */
import type { Deps } from '../../../platform/context.ts';
import type { PayoutProviderSettings } from '../../../platform/http/payout-providers.ts';
import { providerNamed } from '../payment-providers.ts';
import type { FundingMethod } from '../rules.ts';
import type { DirectPayoutProvider } from './direct-payouts.ts';
import { httpPayouts } from './http-payouts.ts';

/** The provider that carries payouts of a method; undefined where people pay them. */
export function providerFor(deps: Deps, method: FundingMethod): DirectPayoutProvider | undefined {
  return withSecrets(
    deps,
    deps.payoutProviders.find(({ methods }) => methods.includes(method)),
  );
}

/** The provider that was told of a payout; undefined where the operator took it away since. */
export function directProviderNamed(deps: Deps, name: string): DirectPayoutProvider | undefined {
  return withSecrets(
    deps,
    deps.payoutProviders.find((settings) => settings.name === name),
  );
}

function withSecrets(
  deps: Deps,
  settings: PayoutProviderSettings | undefined,
): DirectPayoutProvider | undefined {
  const provider = settings === undefined ? undefined : providerNamed(deps, settings.name);
  return settings === undefined || provider === undefined ? undefined : httpPayouts(settings, provider);
}
