import type { Json } from '../../../kernel/canonical-json.ts';
import type { Deps } from '../../../platform/context.ts';
import { diditProvider } from './didit.ts';
import { readDiditDecision } from './didit-decision.ts';
import type { KycProvider, ProviderDecision } from './kyc-provider.ts';

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

/** What an answer that was kept says, also of a provider that is set up no more; undefined where nothing reads it. */
export function readKeptDecision(
  provider: string,
  sessionRef: string,
  answer: Json,
): ProviderDecision | undefined {
  return provider === 'didit' ? readDiditDecision(answer, sessionRef) : undefined;
}
