import type { Deps } from '../../../platform/context.ts';
import { diditProvider } from './didit.ts';
import type { KycProvider } from './kyc-provider.ts';

/** The provider of that name, if an operator set it up. */
export function providerNamed(deps: Deps, name: string): KycProvider | undefined {
  const settings = deps.kycProviders.get(name);
  return settings === undefined ? undefined : diditProvider(settings);
}

/** The provider that applicants are sent to; undefined where people alone look at applications. */
export function chosenProvider(deps: Deps): KycProvider | undefined {
  const [name] = deps.kycProviders.keys();
  return name === undefined ? undefined : providerNamed(deps, name);
}
