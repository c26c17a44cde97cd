/** When one rule of a breaker lets more through than another. Pure. */

/** @units bps of where the price came from; seconds */
export type RuleTerms = {
  readonly active: boolean;
  readonly moveBps: number;
  readonly windowSeconds: number;
  readonly pauseSeconds: number;
  readonly alertBps: number;
  /** Stops everything; null where no move does. */
  readonly platformMoveBps: number | null;
};

/**
 * Whether a rule would trip, pause or tell less than the one before in any respect. What follows no active
 * rule is never looser.
 */
export function isLooser(rule: RuleTerms, before: RuleTerms | null): boolean {
  if (before === null || !before.active) {
    return false;
  }
  return (
    !rule.active ||
    rule.moveBps > before.moveBps ||
    rule.windowSeconds < before.windowSeconds ||
    rule.pauseSeconds < before.pauseSeconds ||
    rule.alertBps > before.alertBps ||
    (rule.platformMoveBps ?? Number.POSITIVE_INFINITY) > (before.platformMoveBps ?? Number.POSITIVE_INFINITY)
  );
}
