/**
 * What a vendor's word means beside our own. Pure. A vendor never takes anything back: it can only add that
 * somebody has to look, and where the stricter of both counts, that money waits until they did.
 */
import type { AssessmentVerdict, OwnVerdict } from './monitoring-vendor.ts';
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
  // A resemblance that stops nobody says less than that somebody is sanctioned.
  const asks = vendorFinds && (!ownFinds || (own === 'warning' && matches.some(isSanctioned)));
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

export type ComparedAssessment = Pick<Compared, 'alert'> & {
  /** Null where the vendor does not look at it. */
  readonly agreed: boolean | null;
};

/** Holds what a vendor makes of an activity against what our own rules made of it. */
export function compareAssessment(
  own: OwnVerdict,
  verdict: AssessmentVerdict,
  mode: 'compare' | 'decide',
): ComparedAssessment {
  if (verdict === 'skipped') {
    return { agreed: null, alert: null };
  }
  const vendorFinds = verdict !== 'pass';
  const isTold = own === 'alert' || own === 'stop';
  const stops = mode === 'decide' && verdict === 'stop' && own !== 'stop';
  const asks = vendorFinds && !isTold;
  return {
    agreed: (own !== 'none') === vendorFinds,
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
