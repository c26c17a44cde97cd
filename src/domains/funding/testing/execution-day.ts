/** A day that a payout file of a test may name, whenever the test runs. */
import { addMs } from '../../../kernel/time.ts';
import type { Deps } from '../../../platform/context.ts';

const DAY_MS = 86_400_000;

/** @units YYYY-MM-DD: the next day, so that no time zone calls it past */
export function executionDay({ clock }: Pick<Deps, 'clock'>): string {
  return addMs(clock.now(), DAY_MS).slice(0, 10);
}
