import type { RiskLevel } from '../review/rules.ts';

type From = RiskLevel | 'unrated';

/** What a simulation found. */
export type SimulationCounts = {
  /** How many people go from one level to another, as `low>high`; who stays is counted too, as `low>low`. */
  readonly moves: Readonly<Partial<Record<`${From}>${RiskLevel}`, number>>>;
  /** Some of those whose level changes. */
  readonly changed: readonly string[];
  /** People who were erased meanwhile, or whose facts cannot be read. */
  readonly skipped: number;
};
