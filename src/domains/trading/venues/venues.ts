import { present } from '../../../kernel/assert.ts';
import { type Deps, perDeps } from '../../../platform/context.ts';
import { SIMULATED, simulatedVenue } from './simulated/simulated-venue.ts';
import type { Venue } from './venue.ts';

/** The venues of an installation, by name; another one is added here. */
export const venuesOf: (deps: Deps) => Map<string, Venue> = perDeps(
  (deps) => new Map([[SIMULATED, simulatedVenue(deps)]]),
);

/**
 * Who executes the orders of a book: paper is always simulated; live orders of an instrument that is executed at a
 * venue go to the one the operator named, or to none.
 * @shape `internal` where our own book matches them, null where nobody would execute them
 */
export function executionOf(
  deps: Pick<Deps, 'liveVenue'>,
  book: 'live' | 'paper',
  execution: 'internal' | 'venue',
): 'internal' | { readonly venue: string } | null {
  if (book === 'paper') {
    return { venue: SIMULATED };
  }
  if (execution === 'internal') {
    return 'internal';
  }
  return deps.liveVenue === null ? null : { venue: deps.liveVenue.name };
}

/** The venue of a name. */
export function venueNamed(deps: Deps, name: string): Venue {
  return present(venuesOf(deps).get(name), 'a venue that orders are at is known');
}
