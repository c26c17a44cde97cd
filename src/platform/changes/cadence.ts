/**
 * How long each step takes at most from a price to what follows from it: alerts, marks and what they trigger. What
 * the guides promise (within a second) is the sum along the way, and nothing else on it sleeps.
 * @units ms
 */
export const CADENCE = {
  /** What a feed said waits so long to be taken. */
  drainMs: 50,
  /** Notices of so long are told together: other processes look at most so often because of one. */
  gatherMs: 50,
  /** Between two looks of whoever follows prices, however often they move. */
  spacingMs: 50,
  /** How long they wait for a notice before they look by themselves: one may be lost. */
  pauseMs: 500,
  /** How often the books look around by themselves. */
  lookMs: 1_000,
} as const;
