import type { Instant } from '../../../kernel/time.ts';

/** What a draft would have said of people who were screened, beside what is active. */
export type ConfigSimulation = {
  readonly at: Instant;
  /** What was compared: the draft's numbers and those it was held against. */
  readonly contentHash: string;
  readonly activeHash: string;
  readonly subjects: number;
  readonly alertedBefore: number;
  readonly alertedAfter: number;
  /** People who would be found who are not now, and the other way round. */
  readonly clearToAlert: number;
  readonly alertToClear: number;
};
