/** When a vendor that failed is asked again. Pure. */

/** How long until the next try after each failure in a row; the last one from then on. @units ms */
const RETRY_MS = [60_000, 240_000, 900_000, 3_600_000] as const;
/** How often something is asked that the vendor refuses or answers in a way nobody can read. */
const TRIES_MAX = 8;
/** What may pass by itself, however long it lasts. */
const PASSES: readonly string[] = ['unavailable', 'busy', 'unauthorised'];

/** Whether a failure is the vendor's as a whole, and passes by itself. */
export function passesByItself(failure: string): boolean {
  return PASSES.includes(failure);
}

/**
 * How long a question waits after so many failures in a row; null where it is given up, which is never for what may
 * pass by itself. @units ms
 */
export function pauseAfter(failures: number, failure: string, retryAfterMs: number): number | null {
  if (failures >= TRIES_MAX && !passesByItself(failure)) {
    return null;
  }
  const tries = failure === 'busy' ? 1 : Math.min(failures, RETRY_MS.length);
  return Math.max(RETRY_MS[tries - 1] ?? RETRY_MS[0], retryAfterMs);
}
