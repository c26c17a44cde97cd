import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';

/** What a draft would have found in what people did, beside what is active. */
export type Simulation = {
  /** What names the alerts it found (`simulated_alerts`). */
  readonly id: Id;
  readonly at: Instant;
  readonly from: Instant;
  readonly to: Instant;
  /** What was compared: the draft and what it was held against; null where nothing of this name was active. */
  readonly contentHash: string;
  readonly activeHash: string | null;
  /** Activities that were replayed, and whether there were more than one simulation takes. */
  readonly activities: number;
  /** How many of those are of a kind that the draft looks at; earlier releases did not count them. */
  readonly activitiesLookedAt?: number;
  readonly isCut: boolean;
  readonly people: number;
  /** Hits of the rules that count, before and after. */
  readonly hitsBefore: number;
  readonly hitsAfter: number;
  readonly alertsBefore: number;
  readonly alertsAfter: number;
  /** Alerts that would be raised and are not now, and the other way round. */
  readonly newAlerts: number;
  readonly lostAlerts: number;
  /** How many of those are named: the first of each. */
  readonly namedAlerts: number;
  readonly holdsBefore: number;
  readonly holdsAfter: number;
  /** How many hits of the draft fell into each of its bands, by where the band begins. */
  readonly byBand: Readonly<Record<string, number>>;
  /** Some of the activities that only one of the two hit. */
  readonly sample: readonly string[];
};
