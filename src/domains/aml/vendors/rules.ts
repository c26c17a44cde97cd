/**
 * What a vendor's word means beside our own. Pure. A vendor never takes anything back: it can only add that
 * somebody has to look, and where the stricter of both counts, that money waits until they did.
 */
import type { VendorMatch } from './vendor.ts';

type OwnResult = 'clear' | 'warning' | 'alert' | 'error';

export type Compared = {
  readonly result: 'clear' | 'match';
  readonly matchCount: number;
  /** @units 0–10,000; null where nobody was named */
  readonly bestScoreBps: number | null;
  readonly agreed: boolean;
  /** What has to follow; null where our own word says as much already. */
  readonly alert: { readonly effect: 'stop' | 'review'; readonly severity: 'medium' | 'high' } | null;
};

/** Holds what a vendor found against what we found. */
export function compare(own: OwnResult, found: readonly VendorMatch[], mode: 'compare' | 'decide'): Compared {
  const matches = found.filter(({ isMatch }) => isMatch);
  const ownFinds = own === 'alert' || own === 'warning';
  const vendorFinds = matches.length > 0;
  const stops = mode === 'decide' && own !== 'alert' && matches.some(isSanctioned);
  const asks = vendorFinds && !ownFinds;
  return {
    result: vendorFinds ? 'match' : 'clear',
    matchCount: matches.length,
    bestScoreBps: found.length === 0 ? null : Math.max(...found.map(({ scoreBps }) => scoreBps)),
    agreed: own !== 'error' && ownFinds === vendorFinds,
    alert: stops
      ? { effect: 'stop', severity: 'high' }
      : asks
        ? { effect: 'review', severity: 'medium' }
        : null,
  };
}

/** Whoever is listed for no stated reason is taken for sanctioned. */
function isSanctioned({ topics }: VendorMatch): boolean {
  return topics.length === 0 || topics.some((topic) => topic === 'sanction' || topic.startsWith('sanction.'));
}
