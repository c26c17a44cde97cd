/**
 * What a screening means for the gate. Pure. It does not
 * say who is listed: match.ts does.
 */
import type { Gate } from '../identity/index.ts';
import { byScoreThenEvidence, type ScreeningMatch, type ScreeningResult } from './match.ts';

export type ScreeningVerdict = {
  /** `warning` is a match that stops nobody by itself. */
  readonly result: 'clear' | 'warning' | 'alert' | 'error';
  /** @units 0–100, the best match's score */
  readonly riskScore: number;
  readonly matches: readonly ScreeningMatch[];
};

/** Reads the outcome of a comparison; a name that cannot be screened, or not with all, is no clear name. */
export function verdictOf(outcome: ScreeningResult): ScreeningVerdict {
  if (!outcome.ok) {
    return { result: 'error', riskScore: 0, matches: [] };
  }
  const best = outcome.matches[0];
  const found = best === undefined ? 'clear' : 'alert';
  return {
    result: outcome.truncated ? 'error' : found,
    riskScore: best === undefined ? 0 : Math.round(best.score * 100),
    matches: outcome.matches,
  };
}

/**
 * One verdict on a person who goes by several names: the most serious, with each listed entity once, at its
 * best score. If one of the names could not be screened, the person was not.
 */
export function worstOf(verdicts: readonly ScreeningVerdict[]): ScreeningVerdict {
  const best = new Map<string, ScreeningMatch>();
  for (const match of verdicts.flatMap((verdict) => verdict.matches)) {
    const known = best.get(match.key);
    if (known === undefined || byScoreThenEvidence(match, known) < 0) {
      best.set(match.key, match);
    }
  }
  const matches = [...best.values()].sort(byScoreThenEvidence);
  const failed = verdicts.length === 0 || verdicts.some((verdict) => verdict.result === 'error');
  return {
    result: failed ? 'error' : matches.length > 0 ? 'alert' : 'clear',
    riskScore: Math.max(0, ...verdicts.map((verdict) => verdict.riskScore)),
    matches,
  };
}

/**
 * What of all that is open people are shown at a time, party by party: those who stop first, the best first.
 * @shape isCut: somebody who stops is not among them, so nobody may take the rest for all
 */
export function shownOf<Item extends Open>(open: readonly Item[], max: number) {
  const shown: Item[] = [];
  let isCut = false;
  for (const items of Map.groupBy(open, ({ party }) => party).values()) {
    const best = items.toSorted((left, right) => right.bestScoreBps - left.bestScoreBps);
    const stopping = best.filter(({ effect }) => effect === 'stop');
    shown.push(...[...stopping, ...best.filter(({ effect }) => effect !== 'stop')].slice(0, max));
    isCut ||= stopping.length > max;
  }
  return { shown, isCut };
}

type Open = { readonly party: string; readonly effect: string; readonly bestScoreBps: number };

/**
 * Whether the gate says by itself that a screening is due: submitting sets it back to `none`, and a confirmed
 * person is screened for the record. Where it does not, what was handed in since the newest screening says it.
 */
export function waitsForScreening(current: Gate['screening']): boolean {
  return current !== 'clear' && current !== 'open';
}

/**
 * What the gate's screening becomes. A confirmed hit stays confirmed, an open alert that stops keeps the gate
 * open until a person closed it, and an error never clears anybody.
 */
export function gateAfterScreening(
  current: Gate['screening'],
  result: ScreeningVerdict['result'],
  openAlerts: number,
): Gate['screening'] {
  if (current === 'confirmed') {
    return 'confirmed';
  }
  if (result === 'alert' || result === 'error' || openAlerts > 0) {
    return 'open';
  }
  return 'clear';
}

/**
 * What the gate's screening becomes once an alert was cleared; null where it stays as it is. A screening that
 * failed, or saw something else than was handed in since, says nothing about the person: it has to be done again.
 */
export function gateAfterClearing(
  current: Gate['screening'],
  openAlerts: number,
  newest: string | undefined,
): 'clear' | 'none' | null {
  if (current !== 'open' || openAlerts > 0) {
    return null;
  }
  return newest === 'clear' || newest === 'warning' || newest === 'alert' ? 'clear' : 'none';
}
