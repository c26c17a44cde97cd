import { refuseMarkets } from '../errors.ts';
import type { Instrument } from '../store.ts';
import type { PriceSettings } from './settings.ts';

/**
 * A contract is marked, called and liquidated by prices that somebody stands for: one that can still be held has a feed.
 * @errors contract_needs_feed
 */
export function requireFeed(
  { kind, status }: Pick<Instrument, 'kind' | 'status'>,
  settings: Pick<PriceSettings, 'feed'> | undefined,
): void {
  if (kind === 'contract' && status !== 'delisted' && (settings?.feed ?? null) === null) {
    throw refuseMarkets('contract_needs_feed');
  }
}
