/**
 * The port of providers that carry payouts which no bank file pays: told of one payment at a time, asked about it by
 * its reference. One contract for all (docs/howto/payout-providers.md); a real provider's own format is translated to
 * it in front of this port. What a provider says means nothing for the books here.
 */
import type { Amount } from '../../../kernel/amount.ts';
import type { Deps } from '../../../platform/context.ts';
import type { Destination } from '../destination.ts';
import type { TravelRule } from '../ivms101.ts';
import type { FundingMethod } from '../rules.ts';
import type { PayoutWord } from './payout-word.ts';

export type DirectPayout = {
  /** One for good: told of it again, the provider makes no second payment. */
  readonly reference: string;
  readonly amount: Amount;
  readonly currency: string;
  readonly method: FundingMethod;
  readonly destination: Destination;
  /** What travels with coins; null for what goes without. */
  readonly travelRule: TravelRule | null;
};

/**
 * What a call brought. `refused`: it was turned away before anything was taken. `unclear`: nobody knows what it did.
 */
export type ProviderReply =
  | { readonly kind: 'word'; readonly word: PayoutWord; readonly body: Uint8Array }
  | { readonly kind: 'refused' | 'unclear'; readonly failure: string };

export type DirectPayoutProvider = {
  readonly name: string;
  readonly submit: (deps: Deps, payout: DirectPayout) => Promise<ProviderReply>;
  readonly ask: (deps: Deps, reference: string) => Promise<ProviderReply>;
};
