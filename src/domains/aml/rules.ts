/**
 * What a screening means for the gate, and which list versions may become active. Pure. It does not
 * say who is listed: match.ts does.
 */
import type { Gate } from '../identity/index.ts';
import type { ScreeningMatch, ScreeningResult } from './match.ts';

export type ScreeningVerdict = {
  readonly result: 'clear' | 'alert' | 'error';
  /** @units 0–100, the best match's score */
  readonly riskScore: number;
  readonly matches: readonly ScreeningMatch[];
};

/** A list may lose this share of its entries in one version before a person must look. @units bps */
export const MAX_SHRINK_BPS = 2_000;

/** Reads the outcome of a comparison; a name that cannot be screened is no clear name. */
export function verdictOf(outcome: ScreeningResult): ScreeningVerdict {
  if (!outcome.ok) {
    return { result: 'error', riskScore: 0, matches: [] };
  }
  const best = outcome.matches[0];
  return {
    result: best === undefined ? 'clear' : 'alert',
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
    if (match.score > (best.get(match.key)?.score ?? -1)) {
      best.set(match.key, match);
    }
  }
  const matches = [...best.values()].sort((left, right) => right.score - left.score);
  const failed = verdicts.length === 0 || verdicts.some((verdict) => verdict.result === 'error');
  return {
    result: failed ? 'error' : matches.length > 0 ? 'alert' : 'clear',
    riskScore: Math.max(0, ...verdicts.map((verdict) => verdict.riskScore)),
    matches,
  };
}

/**
 * Whether a submission still waits for its screening. Submitting sets the gate back to `none`, so any other
 * value says that the event is late or came twice; a confirmed person is screened for the record.
 */
export function waitsForScreening(current: Gate['screening']): boolean {
  return current !== 'clear' && current !== 'open';
}

/**
 * What the gate's screening becomes. A confirmed hit stays confirmed, an open alert keeps the gate
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
  if (result !== 'clear' || openAlerts > 0) {
    return 'open';
  }
  return 'clear';
}

/**
 * What the gate's screening becomes once an alert was cleared; null where it stays as it is. A screening that
 * failed says nothing about the person: it has to be done again.
 */
export function gateAfterClearing(
  current: Gate['screening'],
  openAlerts: number,
  newest: string | undefined,
): 'clear' | 'none' | null {
  if (current !== 'open' || openAlerts > 0) {
    return null;
  }
  return newest === 'clear' || newest === 'alert' ? 'clear' : 'none';
}

/** Whether a version lost too much of the one before, however much it brought. */
export function losesTooMuch(activeCount: number, removedCount: number): boolean {
  return removedCount * 10_000 > activeCount * MAX_SHRINK_BPS;
}
