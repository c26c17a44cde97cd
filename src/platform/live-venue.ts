/** Who executes live orders of instruments that are executed at a venue, as an operator sets it. */

export type LiveVenueSetting = {
  /** What orders are kept under as having been sent to. */
  readonly name: 'simulated';
};

/** What the simulated venue draws its latencies and depths from: the same seed, quotes and orders, the same reports. */
export type VenueSettings = { readonly liveVenue: LiveVenueSetting | null; readonly simulatedSeed: bigint };

const SETTING = /^(off|simulated)(?::seed=(\d{1,18}))?$/;

/**
 * Reads `off` or `simulated`, each perhaps with the seed of the simulation: `simulated:seed=42`. Unset it is simulated
 * in the sandbox; in production nobody executes at a venue unless it is named. Paper accounts are executed by the
 * simulation whatever is set.
 * @errors Error with what is wrong
 */
export function parseLiveVenue(mode: 'sandbox' | 'production', text = ''): VenueSettings {
  const setting = text.trim() === '' ? (mode === 'sandbox' ? 'simulated' : 'off') : text.trim();
  const [, name, seed = '1'] = SETTING.exec(setting) ?? [];
  if (name === undefined) {
    throw new Error('must be off or simulated, perhaps with :seed=42');
  }
  if (name === 'simulated' && mode === 'production') {
    throw new Error('executions that are made up are refused in production');
  }
  return { liveVenue: name === 'off' ? null : { name: 'simulated' }, simulatedSeed: BigInt(seed) };
}
